//! Names in paths, parsed at the edge.

use coracle_spec::function::FunctionId;
use coracle_spec::name::InvalidName;
use coracle_spec::{Class, Failure, RegistryName};

/// A path names something in a way that nothing is called.
#[derive(Debug, thiserror::Error)]
#[error("the path names nothing that can exist")]
pub(crate) struct InvalidPath(#[from] InvalidName);

impl Failure for InvalidPath {
    fn class(&self) -> Class {
        Class::User
    }
}

/// Parses the two names of a function.
pub(crate) fn function((namespace, name): (String, String)) -> Result<FunctionId, InvalidPath> {
    Ok(FunctionId {
        namespace: namespace.parse()?,
        name: name.parse()?,
    })
}

/// Parses the name of a stored credential.
pub(crate) fn registry(name: &str) -> Result<RegistryName, InvalidPath> {
    Ok(name.parse()?)
}
