//! Why something could not be done with a sandbox.

use std::error::Error;
use std::fmt;

use coracle_spec::{Class, Failure};
use serde::{Deserialize, Serialize};

use crate::id::SandboxId;

/// What the keeper answered instead of doing it: one line per cause, the nearest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The kind of failure.
    pub kind: Kind,
    /// What went wrong.
    pub message: String,
    /// What the user can do about it.
    pub hint: Option<String>,
    /// Why it went wrong.
    pub cause: Option<Box<Refusal>>,
}

impl Refusal {
    /// Carries `error` and its sources over a process boundary.
    pub fn of(error: &impl Failure) -> Self {
        Self {
            kind: error.class().into(),
            hint: error.hint(),
            ..Self::plain(error)
        }
    }

    fn plain(error: &dyn Error) -> Self {
        Self {
            kind: Kind::Internal,
            message: error.to_string(),
            hint: None,
            cause: error.source().map(|source| Box::new(Self::plain(source))),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Refusal {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

impl Failure for Refusal {
    fn class(&self) -> Class {
        self.kind.into()
    }

    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}

macro_rules! kinds {
    ($($kind:ident),*) => {
        /// A [`Class`] that can travel.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Kind { $(#[doc = concat!("[`Class::", stringify!($kind), "`].")] $kind),* }

        impl From<Class> for Kind {
            fn from(class: Class) -> Self {
                match class { $(Class::$kind => Self::$kind),* }
            }
        }

        impl From<Kind> for Class {
            fn from(kind: Kind) -> Self {
                match kind { $(Kind::$kind => Self::$kind),* }
            }
        }
    };
}

kinds!(User, Denied, NotFound, Conflict, Busy, Unavailable, Internal);

/// Why a sandbox could not be created.
#[derive(Debug, thiserror::Error)]
#[error("cannot create sandbox `{id}`")]
pub struct CreateError {
    /// The sandbox's name.
    pub id: SandboxId,
    /// Why.
    pub source: Refusal,
}

/// Why a sandbox's program could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start `{program}` in sandbox `{id}`")]
pub struct StartError {
    /// The sandbox's name.
    pub id: SandboxId,
    /// The program, as the specification names it.
    pub program: String,
    /// Why.
    pub source: Refusal,
}

/// Why something else could not be done with a sandbox.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} sandbox `{id}`")]
pub struct SandboxError {
    /// What was to be done: a verb.
    pub action: &'static str,
    /// The sandbox's name.
    pub id: SandboxId,
    /// Why.
    pub source: Refusal,
}

macro_rules! fails_as_its_source {
    ($($error:ty),*) => { $(
        impl Failure for $error {
            fn class(&self) -> Class {
                self.source.class()
            }

            fn hint(&self) -> Option<String> {
                self.source.hint()
            }
        }
    )* };
}

fails_as_its_source!(CreateError, StartError, SandboxError);
