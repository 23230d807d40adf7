//! Dockerfiles: from text to stages of typed instructions.
//!
//! What counts as a Dockerfile is what BuildKit's front end `docker/dockerfile:1` accepts (Dockerfile reference,
//! <https://docs.docker.com/reference/dockerfile/>), down to its habits: where a line ends, which quotes hold, what is an
//! error. Existing parsers in Rust know the instructions and not the habits, and a build that differs from Docker's
//! in an edge case is worse than one that is refused.
//!
//! ```text
//! text ──► logical lines ──► instruction and flags ──► arguments ──► typed instruction ──► stages
//!          continuations,    `RUN`, `--mount=…`        words, JSON,   checked
//!          here-documents                              names=values
//! ```
//!
//! Nothing is expanded here: variables get their values when a stage is built, by [`word::expand`].

mod arguments;
pub mod error;
mod file;
mod flags;
mod heredoc;
pub mod instruction;
mod line;
pub mod word;

pub use error::{Lines, ParseError, Problem};
pub use file::{Arguments, Dockerfile, Located, Stage, Warning, parse, trigger};
pub use heredoc::Heredoc;
