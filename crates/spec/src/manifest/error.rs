//! What is wrong with a manifest, and where.

use crate::failure::{Class, Failure};

/// What is wrong with a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {what}")]
pub struct ManifestError {
    file: String,
    line: u64,
    what: What,
}

impl ManifestError {
    pub(super) fn several<'a>(file: &str, manifests: impl Iterator<Item = super::Manifest> + 'a) -> Self {
        let names: Vec<_> = manifests.map(|manifest| format!("`{}`", manifest.name)).collect();
        let what = if names.is_empty() {
            What::None
        } else {
            What::Several {
                names: names.join(", "),
            }
        };
        Fault { line: 1, what }.in_file(file)
    }

    /// Answers the line that it is about, counted from one.
    pub fn line(&self) -> u64 {
        self.line
    }
}

impl Failure for ManifestError {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        match &self.what {
            What::UnknownKey {
                nearest: Some(nearest),
                ..
            } => Some(format!("did you mean `{nearest}`?")),
            What::UnknownKey {
                known, nearest: None, ..
            } => Some(format!("known here: {}", listed(known))),
            What::Several { .. } => {
                Some("write one manifest for each function, and name it with `--file`".to_owned())
            }
            _ => None,
        }
    }
}

/// What is wrong, before the file's name is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: u64,
    pub(super) what: What,
}

impl Fault {
    pub(super) fn in_file(self, file: &str) -> ManifestError {
        ManifestError {
            file: file.to_owned(),
            line: self.line,
            what: self.what,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum What {
    #[error("not valid YAML: {message}")]
    Syntax { message: String },
    #[error("the manifest is longer than {longest} bytes")]
    TooLong { longest: usize },
    #[error("unknown key `{key}`")]
    UnknownKey {
        key: String,
        nearest: Option<String>,
        known: &'static [&'static str],
    },
    #[error("`{key}` is {found}, expected {expected}")]
    Unexpected {
        key: String,
        found: String,
        expected: String,
    },
    #[error("`{key}`: {message}")]
    Invalid { key: String, message: String },
    #[error("two functions are called `{name}`")]
    Twice { name: String },
    #[error("the manifest has several functions: {names}")]
    Several { names: String },
    #[error("the manifest has no function beneath `functions`")]
    None,
}

pub(super) fn listed(words: &[&str]) -> String {
    words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
