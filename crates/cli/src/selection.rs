//! What is taken from a folder whose Dockerfile is built elsewhere.

use std::path::PathBuf;

use coracle_build::{Request, Selection};
use coracle_spec::{Class, Failure};

use crate::context::Context;
use crate::engine::open_store;
use crate::error::Error;

/// The folder has no build context.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is built without a Dockerfile", .0.display())]
struct NoDockerfile(PathBuf);

impl Failure for NoDockerfile {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        Some("`coracle build` builds it on this machine; `--file FILE` names a Dockerfile".to_owned())
    }
}

/// Chooses what the build of `request` takes. That it is a build without a Dockerfile is an error.
pub(crate) fn selection(context: &Context, request: &Request) -> Result<Selection, Error> {
    let store = open_store(&context.settings)?;
    let selection = Selection::of(&store, request)?;
    Ok(selection.ok_or_else(|| NoDockerfile(request.folder.clone()))?)
}
