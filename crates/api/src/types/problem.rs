//! Errors on the wire.

use coracle_spec::Class;
use serde::{Deserialize, Serialize};

/// The body of each answer that is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemBody {
    /// The error.
    pub error: Problem,
}

/// An error: what went wrong, why, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The word of the [`Class`].
    pub class: String,
    /// What went wrong.
    pub message: String,
    /// What can be done about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Why, from the nearest cause to the root.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// Names the request in the server's log.
    #[serde(default)]
    pub request_id: String,
}

impl Problem {
    /// Answers the class that the word stands for; an unknown word is a defect of the server.
    pub fn class(&self) -> Class {
        CLASSES
            .into_iter()
            .find(|class| class.word() == self.class)
            .unwrap_or(Class::Internal)
    }
}

const CLASSES: [Class; 7] = [
    Class::User,
    Class::Denied,
    Class::NotFound,
    Class::Conflict,
    Class::Busy,
    Class::Unavailable,
    Class::Internal,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_survives_the_wire_and_an_unknown_one_is_internal() {
        for class in CLASSES {
            assert_eq!(problem(class.word()).class(), class);
        }
        assert_eq!(problem("teapot").class(), Class::Internal);
    }

    fn problem(class: &str) -> Problem {
        Problem {
            class: class.to_owned(),
            message: String::new(),
            hint: None,
            causes: Vec::new(),
            request_id: String::new(),
        }
    }
}
