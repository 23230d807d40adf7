//! What events say to programs: kept as JSON beside the sentence for people, so that it survives a restart.

use coracle_sandbox::Exit;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::{StartCause, StartFailure, ended};

/// A start that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartFailed {
    /// The number of the revision.
    pub revision: u64,
    /// What went wrong: how the program ended, or what the last probe found.
    pub cause: String,
    /// What can be done about it.
    pub hint: Option<String>,
    /// The ports that the program listened on instead of its own.
    pub listened_on: Vec<u16>,
    /// What it printed last, the oldest line first.
    pub said: Vec<String>,
}

/// An instance that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exited {
    /// The number of its revision.
    pub revision: u64,
    /// Its name.
    pub instance: String,
    /// How it ended, for people.
    pub how: String,
    /// The code that its program exited with.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether it used more memory than it may.
    pub out_of_memory: bool,
    /// Whether it was told to end.
    pub told_to: bool,
}

impl StartFailed {
    /// Answers what there is to know of a failure.
    pub(crate) fn of(failure: &StartFailure) -> Self {
        use coracle_spec::Failure as _;
        let listened_on = match &failure.cause {
            StartCause::NotReady(unready) => unready.listened_on().to_vec(),
            _ => Vec::new(),
        };
        Self {
            revision: failure.revision,
            cause: failure.cause.to_string(),
            hint: failure.hint(),
            listened_on,
            said: failure
                .said
                .as_ref()
                .map_or_else(Vec::new, |said| said.lines().to_vec()),
        }
    }
}

impl Exited {
    /// Answers what there is to know of an exit.
    pub(crate) fn of(revision: u64, instance: String, exit: Exit, told_to: bool) -> Self {
        let how = match (told_to, exit) {
            (true, Exit::Code(0)) => "it was told to end, and did".to_owned(),
            (true, exit) => format!("it was told to end, and {}", ended(exit)),
            (false, exit) => ended(exit),
        };
        Self {
            revision,
            instance,
            how,
            code: if let Exit::Code(code) = exit {
                Some(code)
            } else {
                None
            },
            signal: if let Exit::Signal(signal) = exit {
                Some(signal)
            } else {
                None
            },
            out_of_memory: exit == Exit::OutOfMemory,
            told_to,
        }
    }
}

/// Answers plain data as JSON; it always has a form.
pub(crate) fn detail(value: &impl Serialize) -> Option<Value> {
    serde_json::to_value(value).ok()
}
