//! Why a Dockerfile cannot be planned, with its lines.

use coracle_dockerfile::Lines;
use coracle_dockerfile::error::{Excerpt, excerpt};
use coracle_spec::{Class, Failure};

/// Why a Dockerfile cannot be planned.
///
/// Its text is one line, and below it the lines that it is about, marked, with those around them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{file}`, line {}: {message}\n{excerpt}", lines.first)]
pub struct DockerfileError {
    /// The Dockerfile's name.
    pub file: String,
    /// The lines that it is about.
    pub lines: Lines,
    /// What is wrong.
    pub message: String,
    hint: Option<String>,
    excerpt: Excerpt,
}

impl Failure for DockerfileError {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}

/// What is wrong, before it is known where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    message: String,
    hint: Option<String>,
}

impl Wrong {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// Adds the place: lines of the file called `file`, whose text is `text`.
    pub(super) fn at(self, file: &str, text: &str, lines: Lines) -> DockerfileError {
        DockerfileError {
            file: file.to_owned(),
            lines,
            message: self.message,
            hint: self.hint,
            excerpt: excerpt(text, lines),
        }
    }
}
