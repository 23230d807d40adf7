//! What the keeper and its clients say to each other: JSON messages in frames, with file descriptors beside them.
//!
//! The keeper speaks first ([`Event::Hello`]); then each request gets one reply with its number. Events come in
//! between. A new field with a default does not change [`VERSION`]; anything else does.

pub mod connection;

use std::collections::BTreeMap;

use coracle_spec::Cpu;
use serde::{Deserialize, Serialize};

use crate::error::Refusal;
use crate::id::SandboxId;
use crate::sandbox::Exit;
use crate::spec::SandboxSpec;

pub use connection::{Connection, Received, WireError};

/// The version of this protocol. A client that meets another one leaves the keeper alone.
pub const VERSION: u32 = 1;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// A number that the reply repeats.
    pub number: u64,
    /// What is to be done.
    pub operation: Operation,
}

/// What can be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Creates a sandbox; answered by [`Answer::Created`] with its descriptors.
    Create(Box<SandboxSpec>),
    /// Starts the program of a created sandbox; answered when it was executed.
    Start(SandboxId),
    /// Sends a signal to the program.
    Signal(SandboxId, i32),
    /// Kills everything in the sandbox.
    Kill(SandboxId),
    /// Stops the clock for all processes.
    Freeze(SandboxId),
    /// Undoes it.
    Thaw(SandboxId),
    /// Limits the processor time from now on.
    LimitCpu(SandboxId, Cpu),
    /// Ends the sandbox and clears everything away; answered when nothing is left.
    Remove(SandboxId),
    /// Announces every living sandbox by [`Event::Found`], then answers.
    List,
    /// Ends every sandbox and the keeper itself.
    Shutdown,
}

/// What the keeper says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The first message on each connection. Carries one descriptor, a pipe that reaches its end when the keeper and
    /// everything that it kept are gone.
    Hello {
        /// The [`VERSION`] it speaks.
        version: u32,
        /// Its process.
        pid: u32,
    },
    /// The keeper cannot do its work here, and ends.
    Unable(Refusal),
    /// The answer to the request with that number.
    Reply {
        /// The request's number.
        number: u64,
        /// The answer.
        answer: Result<Answer, Refusal>,
    },
    /// A sandbox that was there before the client came; carries the descriptors of [`Answer::Created`].
    Found {
        /// What it was made of, without the contents of its files.
        spec: Box<SandboxSpec>,
        /// Its first process.
        pid: u32,
        /// Whether its program was started.
        started: bool,
        /// How the program ended, if it has.
        exit: Option<Exit>,
    },
    /// The program of a sandbox has ended.
    Exited(SandboxId, Exit),
    /// Something went wrong that no request asked for.
    Warning(String),
}

/// What a request that worked brought about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The sandbox exists. Carries, in this order: a descriptor of its first process (a pidfd), its network
    /// namespace, and the reading ends of the pipes for its standard output and standard error.
    Created {
        /// Its first process.
        pid: u32,
        /// How long each part took, in microseconds.
        micros: BTreeMap<String, u64>,
    },
    /// It was done.
    Done,
}
