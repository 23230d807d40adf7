//! What kind of failure an error is, and the one table that maps the kind to an HTTP status and an exit code.

use std::error::Error;

/// What helps when the disk is full.
pub const FREE_SPACE: &str = "`coracle cache gc` removes what nothing uses; else free space on that file system, or put \
     the data directory on a larger one";

/// The kind of a failure: who can do something about it, and what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The user's input is wrong; the same call will fail again.
    User,
    /// The caller has not shown who they are, or may not do this.
    Denied,
    /// The thing named does not exist.
    NotFound,
    /// The thing exists already, is in use, or was changed by somebody else.
    Conflict,
    /// A bound is reached; later it may not be.
    Busy,
    /// Something that this depends on did not answer; whether the thing exists is unknown.
    Unavailable,
    /// A defect of the program, or of the machine under it.
    Internal,
}

impl Class {
    /// Answers the HTTP status (RFC 9110 §15) that an API response of this class carries.
    pub fn status(self) -> u16 {
        self.row().0
    }

    /// Answers the exit code of a command that fails with this class
    /// (`sysexits.h` for 70, `EX_SOFTWARE`, and 75, `EX_TEMPFAIL`).
    pub fn exit_code(self) -> u8 {
        self.row().1
    }

    /// Answers the word for it in API responses and logs.
    pub fn word(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> (u16, u8, &'static str) {
        match self {
            Self::User => (400, 1, "invalid"),
            Self::Denied => (401, 1, "denied"),
            Self::NotFound => (404, 1, "not_found"),
            Self::Conflict => (409, 1, "conflict"),
            Self::Busy => (429, 75, "busy"),
            Self::Unavailable => (503, 75, "unavailable"),
            Self::Internal => (500, 70, "internal"),
        }
    }
}

/// An error that knows its class, and may know what to do about it.
pub trait Failure: Error + Send + Sync + 'static {
    /// Answers the kind of failure.
    fn class(&self) -> Class;

    /// Answers what the user can do, as one sentence without a full stop.
    fn hint(&self) -> Option<String> {
        None
    }
}
