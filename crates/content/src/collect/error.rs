//! Why a collection failed.

use std::error::Error;
use std::fmt;

use coracle_spec::{Class, Failure};

use crate::error::StoreError;

/// Why a collection failed. What it had removed is gone; nothing that is used is.
#[derive(Debug)]
pub enum CollectError {
    /// The store failed.
    Store(StoreError),
    /// What must stay could not be found out, so nothing more was removed.
    Roots(RootsError),
}

// By hand, since a boxed failure is no error of a known size, as a derived source would have to be.
impl fmt::Display for CollectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Store(_) => "cannot look through the content store",
            Self::Roots(_) => "cannot find out which images are in use",
        })
    }
}

impl Error for CollectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(match self {
            Self::Store(error) => error,
            Self::Roots(RootsError(error)) => &**error,
        })
    }
}

impl From<StoreError> for CollectError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Failure for CollectError {
    fn class(&self) -> Class {
        match self {
            Self::Store(error) => error.class(),
            Self::Roots(RootsError(error)) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Roots(RootsError(error)) => error.hint(),
        }
    }
}

/// Why it is not known what must stay.
#[derive(Debug)]
pub struct RootsError(Box<dyn Failure>);

impl<E: Failure> From<E> for RootsError {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}
