//! Why a Dockerfile cannot be planned, with its lines.

use coracle_dockerfile::error::{Excerpt, excerpt};
use coracle_dockerfile::word::ExpandError;
use coracle_dockerfile::{Lines, ParseError, Problem};
use coracle_spec::{Class, Failure};

use super::Input;

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

impl DockerfileError {
    /// Says which Dockerfile a text is that is none.
    pub(super) fn parse(input: &Input<'_>, error: &ParseError) -> Self {
        Wrong::from(error.problem().clone()).at(input, error.lines)
    }
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

    /// Adds the place.
    pub(super) fn at(self, input: &Input<'_>, lines: Lines) -> DockerfileError {
        DockerfileError {
            file: input.name.to_owned(),
            lines,
            message: self.message,
            hint: self.hint,
            excerpt: excerpt(input.text, lines),
        }
    }
}

impl From<Problem> for Wrong {
    fn from(problem: Problem) -> Self {
        Self {
            message: problem.to_string(),
            hint: problem.hint().map(str::to_owned),
        }
    }
}

impl From<ExpandError> for Wrong {
    fn from(error: ExpandError) -> Self {
        Self::new(error.to_string())
    }
}
