//! Why the keeper does not do what a client asks.

use std::io;

use coracle_sandbox::SandboxId;
use coracle_sandbox::wire::WireError;
use coracle_spec::{Class, Failure};

use crate::lifeline::ExecFailure;

/// The reasons.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// There is one of that name.
    #[error("a sandbox named `{0}` exists")]
    Exists(SandboxId),
    /// There is none of that name.
    #[error("there is no sandbox named `{0}`")]
    Unknown(SandboxId),
    /// It is not in a state for this.
    #[error("the sandbox is {state}")]
    State {
        /// The state, for people.
        state: &'static str,
    },
    /// There are as many as the keeper takes.
    #[error("there are {0} sandboxes, and no more are taken")]
    TooMany(usize),
    /// The keeper is ending.
    #[error("the keeper is ending")]
    Ending,
    /// Creating took too long.
    #[error("creating it took longer than {seconds} s")]
    TooSlow {
        /// The deadline.
        seconds: u64,
    },
    /// The process that created it ended.
    #[error("the process that was to create it ended")]
    WorkerEnded,
    /// The first process ended before it was ready.
    #[error("its first process ended before it was ready")]
    FirstProcessEnded,
    /// The program cannot be executed.
    #[error(transparent)]
    NotExecuted(#[from] NotExecuted),
    /// Nothing can be sent to a worker.
    #[error("cannot hand it to a worker")]
    Hand(#[from] WireError),
    /// Its limits cannot be set.
    #[error("cannot set its limits")]
    Limit(#[source] io::Error),
    /// The system refuses.
    #[error("the system refuses")]
    System(#[from] io::Error),
}

/// Why a program cannot be executed.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotExecuted {
    /// There is no such file.
    #[error("there is no program `{0}` in the sandbox")]
    NotFound(String),
    /// Its mode forbids it.
    #[error("`{0}` is not executable for the user that it is to run as")]
    NotExecutable(String),
    /// Its interpreter is missing.
    #[error("the interpreter or loader that `{0}` names is not in the sandbox")]
    NoInterpreter(String),
    /// It is no program.
    #[error("`{0}` is not a program for this machine")]
    WrongFormat(String),
    /// The system refuses.
    #[error("cannot execute `{program}`")]
    System {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
}

impl NotExecuted {
    /// Names the program in what its first process reported.
    pub(super) fn new(program: String, failure: ExecFailure) -> Self {
        match failure {
            ExecFailure::NotFound => Self::NotFound(program),
            ExecFailure::NotExecutable => Self::NotExecutable(program),
            ExecFailure::NoInterpreter => Self::NoInterpreter(program),
            ExecFailure::WrongFormat => Self::WrongFormat(program),
            ExecFailure::System(number) => Self::System {
                program,
                source: io::Error::from_raw_os_error(number),
            },
        }
    }
}

impl Failure for Refused {
    fn class(&self) -> Class {
        match self {
            Self::Exists(_) | Self::State { .. } => Class::Conflict,
            Self::Unknown(_) => Class::NotFound,
            Self::TooMany(_) => Class::Busy,
            Self::Ending | Self::TooSlow { .. } => Class::Unavailable,
            Self::NotExecuted(NotExecuted::System { .. }) => Class::Internal,
            Self::NotExecuted(_) => Class::User,
            Self::System(error)
                if matches!(
                    error.raw_os_error(),
                    Some(libc::EMFILE | libc::ENFILE | libc::EAGAIN)
                ) =>
            {
                Class::Busy
            }
            _ => Class::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::TooMany(_) => Some("remove some, or wait until others end".to_owned()),
            Self::NotExecuted(NotExecuted::NoInterpreter(program)) => Some(format!(
                "look at the first line of `{program}` if it is a script, else install its dynamic loader"
            )),
            Self::NotExecuted(NotExecuted::NotFound(program)) if program == "/bin/sh" => Some(
                "the image has no shell: write the command as an array, such as `CMD [\"/server\", \"--verbose\"]`"
                    .to_owned(),
            ),
            Self::NotExecuted(NotExecuted::NotExecutable(program)) => {
                Some(format!("give it the mode: `chmod +x {program}`"))
            }
            _ => None,
        }
    }
}
