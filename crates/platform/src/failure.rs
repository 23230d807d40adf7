//! Why an instance did not start, told so that its author can mend it.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use coracle_sandbox::Exit;
use coracle_spec::{Class, Failure, FunctionId};

use crate::probe::NotReady;

/// An error that many hold at once: everyone who waited for the same start.
pub type SharedFailure = Arc<dyn Failure>;

/// Why an instance did not start. Everyone who waited for it gets the same one.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{function}` revision {revision} did not start: {cause}")]
pub struct StartFailure {
    /// The function.
    pub function: FunctionId,
    /// The revision.
    pub revision: u64,
    /// What went wrong.
    pub cause: StartCause,
    /// What the instance printed last.
    #[source]
    pub said: Option<LastLines>,
}

/// What went wrong with a start.
#[derive(Debug, Clone)]
pub enum StartCause {
    /// The image is not there whole, or cannot be run as it is.
    Image(SharedFailure),
    /// A secret that the revision names does not exist, or cannot be read.
    Secret(SharedFailure),
    /// The sandbox could not be made, or its program could not be started.
    Sandbox(SharedFailure),
    /// The program did not become ready.
    NotReady(Unready),
    /// The platform is shutting down.
    Stopping,
    /// The last start failed a moment ago, so this one was not tried.
    BackingOff(Arc<StartFailure>),
}

/// Why a program did not become ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unready(pub(crate) NotReady);

impl Unready {
    /// Answers how the program ended, if it did.
    pub fn exit(&self) -> Option<Exit> {
        match self.0 {
            NotReady::Exited(exit) => Some(exit),
            _ => None,
        }
    }

    /// Answers the ports that it listened on instead of the one it was told.
    pub fn listened_on(&self) -> &[u16] {
        match &self.0 {
            NotReady::NoListener { instead, .. } => instead,
            _ => &[],
        }
    }
}

impl fmt::Display for Unready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            NotReady::Exited(exit) => f.write_str(&ended(*exit)),
            NotReady::Lost => f.write_str("its sandbox was lost while it started"),
            NotReady::NoListener {
                port,
                instead,
                waited,
            } if instead.is_empty() => {
                write!(
                    f,
                    "nothing listened on port {port} within {} s",
                    waited.as_secs_f32()
                )
            }
            NotReady::NoListener {
                port,
                instead,
                waited,
            } => write!(
                f,
                "nothing listened on port {port} within {} s; it listens on {} instead",
                waited.as_secs_f32(),
                ports(instead)
            ),
            NotReady::NobodyBehind { port, waited } => write!(
                f,
                "the program that its watchdog starts did not listen on port {port} within {} s",
                waited.as_secs_f32()
            ),
            NotReady::Unhealthy { path, last, waited } => {
                write!(
                    f,
                    "its health path `{path}` did not answer well within {} s: {last}",
                    waited.as_secs_f32()
                )
            }
        }
    }
}

/// Says how a program ended.
pub(crate) fn ended(exit: Exit) -> String {
    match exit {
        Exit::Code(0) => "it ended by itself without an error".to_owned(),
        Exit::Code(code) => format!("it exited with code {code}"),
        Exit::Signal(signal) => format!("signal {signal} ended it"),
        Exit::OutOfMemory => "it used more memory than it may".to_owned(),
    }
}

fn ports(ports: &[u16]) -> String {
    let words: Vec<String> = ports.iter().map(u16::to_string).collect();
    words.join(", ")
}

impl fmt::Display for StartCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(failure) | Self::Secret(failure) | Self::Sandbox(failure) => chain(f, &**failure),
            Self::NotReady(unready) => unready.fmt(f),
            Self::Stopping => f.write_str("the platform is shutting down"),
            Self::BackingOff(last) => write!(f, "its last start failed a moment ago: {}", last.cause),
        }
    }
}

/// Writes an error with its causes: here `source()` is taken by what the instance printed.
fn chain(f: &mut fmt::Formatter<'_>, failure: &dyn Failure) -> fmt::Result {
    write!(f, "{failure}")?;
    let mut source = std::error::Error::source(failure);
    while let Some(cause) = source {
        write!(f, ": {cause}")?;
        source = cause.source();
    }
    Ok(())
}

impl Failure for StartFailure {
    fn class(&self) -> Class {
        match &self.cause {
            StartCause::Image(failure) | StartCause::Secret(failure) | StartCause::Sandbox(failure) => {
                failure.class()
            }
            StartCause::NotReady(Unready(NotReady::Lost)) | StartCause::Stopping => Class::Unavailable,
            StartCause::NotReady(_) => Class::User,
            StartCause::BackingOff(last) => last.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match &self.cause {
            StartCause::Image(failure) | StartCause::Secret(failure) | StartCause::Sandbox(failure) => {
                failure.hint()
            }
            StartCause::NotReady(Unready(not_ready)) => mend(not_ready),
            StartCause::Stopping => None,
            StartCause::BackingOff(last) => last.hint(),
        }
    }
}

impl StartFailure {
    /// Answers what callers of the function are told: nothing that the program printed.
    pub(crate) fn for_callers(&self) -> coracle_gateway::StartFailure {
        coracle_gateway::StartFailure {
            class: self.class(),
            message: self.cause.to_string(),
            hint: self.hint(),
        }
    }
}

fn mend(not_ready: &NotReady) -> Option<String> {
    match not_ready {
        NotReady::NoListener { instead, .. } => match instead.as_slice() {
            [] => Some("listen on the port that the environment variable `PORT` names".to_owned()),
            [port, ..] => Some(format!(
                "listen on the port that `PORT` names, or set `port: {port}` in the manifest, or `EXPOSE {port}` in the Dockerfile"
            )),
        },
        NotReady::Exited(Exit::OutOfMemory) => Some("raise `resources.memory` in the manifest".to_owned()),
        NotReady::Exited(Exit::Code(0)) => {
            Some("run a server, which goes on and listens on the port that `PORT` names".to_owned())
        }
        NotReady::NobodyBehind { port, .. } => Some(format!(
            "let it listen on port {port}, or name its address in the environment variable `upstream_url`"
        )),
        NotReady::Unhealthy { .. } => Some("check `health.path` in the manifest".to_owned()),
        NotReady::Lost => Some("try again: a new sandbox is made with the next request".to_owned()),
        NotReady::Exited(_) => None,
    }
}

/// What an instance printed last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastLines(Vec<String>);

impl LastLines {
    /// Makes it of lines, the oldest first; `None` when there are none.
    pub fn of(lines: Vec<String>) -> Option<Self> {
        (!lines.is_empty()).then_some(Self(lines))
    }

    /// Answers the lines, the oldest first.
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for LastLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it printed last:")?;
        self.0.iter().try_for_each(|line| {
            f.write_char('\n')?;
            write!(f, "  {line}")
        })
    }
}

impl std::error::Error for LastLines {}

#[cfg(test)]
mod tests;
