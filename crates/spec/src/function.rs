//! The identity of a function: its name within a namespace.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::name::{FunctionName, InvalidName, Namespace};

/// The identity of a function, written `NAME`, or `NAME.NAMESPACE` outside the default namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FunctionId {
    /// The namespace that the name is unique in.
    pub namespace: Namespace,
    /// The name.
    pub name: FunctionName,
}

impl FunctionId {
    /// Answers the function `name` of the default namespace.
    pub fn in_default(name: FunctionName) -> Self {
        Self {
            namespace: Namespace::default(),
            name,
        }
    }
}

impl fmt::Display for FunctionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace == Namespace::default() {
            write!(f, "{}", self.name)
        } else {
            write!(f, "{}.{}", self.name, self.namespace)
        }
    }
}

impl FromStr for FunctionId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        match text.split_once('.') {
            Some((name, namespace)) => Ok(Self {
                namespace: namespace.parse()?,
                name: name.parse()?,
            }),
            None => Ok(Self::in_default(text.parse()?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_reads_and_prints_with_its_namespace_unless_it_is_the_default_one() {
        for text in ["hello", "hello.team"] {
            assert_eq!(
                text.parse::<FunctionId>().map(|id| id.to_string()),
                Ok(text.to_owned())
            );
        }
        assert_eq!(
            "hello.default".parse::<FunctionId>().map(|id| id.to_string()),
            Ok("hello".to_owned())
        );
        for bad in ["", ".", "a.", ".b", "a.b.c"] {
            assert!(bad.parse::<FunctionId>().is_err(), "{bad}");
        }
    }
}
