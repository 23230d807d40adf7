//! Why no plan can be made.

use coracle_spec::{Class, Failure};

use crate::source::ReadFailed;

/// Why no plan can be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A file of the source could not be read.
    #[error(transparent)]
    Read(#[from] ReadFailed),
}

impl Failure for PlanError {
    fn class(&self) -> Class {
        match self {
            Self::Read(_) => Class::Internal,
        }
    }
}
