//! What the user sees: data on stdout, talk on stderr.
//!
//! Colours and live progress appear only on terminals, and never with `NO_COLOR` or on a dumb terminal.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use coracle_spec::{Class, Failure};
use serde::Serialize;

/// How much is said on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Talk {
    /// Errors only.
    Quiet,
    /// Warnings, results and progress.
    Normal,
}

/// Whether the terminal shows colours and can be redrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Terminal {
    /// Lines only: not a terminal, or one that asks for plain text.
    Plain,
    /// Colours and redrawing.
    Rich,
}

impl Terminal {
    /// Answers what stderr is, unless `plain` is asked for.
    pub(crate) fn of_stderr(plain: bool) -> Self {
        if !plain && io::stderr().is_terminal() {
            Self::Rich
        } else {
            Self::Plain
        }
    }
}

/// Writes what the user sees.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    talk: Talk,
    terminal: Terminal,
}

/// Why stdout could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    /// The writing itself.
    #[error("cannot write to stdout")]
    Write(#[from] io::Error),
    /// The value has no JSON form.
    #[error("cannot express the result as JSON")]
    Encode(#[from] serde_json::Error),
}

impl OutputError {
    /// Answers whether the reader has closed the pipe.
    pub(crate) fn is_closed(&self) -> bool {
        let kind = match self {
            Self::Write(error) => Some(error.kind()),
            Self::Encode(error) => error.io_error_kind(),
        };
        kind == Some(io::ErrorKind::BrokenPipe)
    }
}

impl Failure for OutputError {
    fn class(&self) -> Class {
        match self {
            Self::Write(_) => Class::Unavailable,
            Self::Encode(_) => Class::Internal,
        }
    }
}

impl Printer {
    /// Makes a printer.
    pub(crate) const fn new(talk: Talk, terminal: Terminal) -> Self {
        Self { talk, terminal }
    }

    /// Answers how to colour what is written to stderr.
    pub(crate) const fn paint(self) -> Paint {
        match self.terminal {
            Terminal::Plain => Paint::PLAIN,
            Terminal::Rich => Paint { colours: true },
        }
    }

    /// Answers whether stderr can be redrawn, and anything may be said there.
    pub(crate) fn is_live(self) -> bool {
        self.terminal == Terminal::Rich && self.talk == Talk::Normal
    }

    /// Answers whether anything but errors is said.
    pub(crate) fn is_quiet(self) -> bool {
        self.talk == Talk::Quiet
    }

    /// Writes a line of data.
    #[expect(
        clippy::unused_self,
        reason = "everything the user sees goes through a printer"
    )]
    pub(crate) fn line(self, text: impl fmt::Display) -> Result<(), OutputError> {
        Ok(writeln!(io::stdout().lock(), "{text}")?)
    }

    /// Writes data as it is.
    #[expect(
        clippy::unused_self,
        reason = "everything the user sees goes through a printer"
    )]
    pub(crate) fn bytes(self, bytes: &[u8]) -> Result<(), OutputError> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes)?;
        Ok(stdout.flush()?)
    }

    /// Writes a value as indented JSON.
    #[expect(
        clippy::unused_self,
        reason = "everything the user sees goes through a printer"
    )]
    pub(crate) fn json(self, value: &impl Serialize) -> Result<(), OutputError> {
        let mut stdout = io::stdout().lock();
        serde_json::to_writer_pretty(&mut stdout, value)?;
        Ok(writeln!(stdout)?)
    }

    /// Writes a value as one line of JSON.
    #[expect(
        clippy::unused_self,
        reason = "everything the user sees goes through a printer"
    )]
    pub(crate) fn json_line(self, value: &impl Serialize) -> Result<(), OutputError> {
        let mut stdout = io::stdout().lock();
        serde_json::to_writer(&mut stdout, value)?;
        Ok(writeln!(stdout)?)
    }

    /// Says something, unless the user asked for quiet.
    pub(crate) fn say(self, text: impl fmt::Display) {
        if self.talk == Talk::Normal {
            self.insist(text);
        }
    }

    /// Says something that is surprising but fails nothing.
    pub(crate) fn warn(self, text: impl fmt::Display) {
        self.say(format_args!("{} {text}", self.paint().warning("warning:")));
    }

    /// Writes a picture to the terminal as it is.
    pub(crate) fn draw(self, picture: &str) {
        if self.is_live() {
            let _ = io::stderr().lock().write_all(picture.as_bytes());
        }
    }

    /// Says something even to a user who asked for quiet. A closed stderr is nobody's concern.
    #[expect(
        clippy::unused_self,
        reason = "everything the user sees goes through a printer"
    )]
    pub(crate) fn insist(self, text: impl fmt::Display) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }
}

/// Colours, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paint {
    colours: bool,
}

impl Paint {
    /// No colours.
    pub(crate) const PLAIN: Self = Self { colours: false };
    /// Colours whatever stderr is, for tests.
    #[cfg(test)]
    pub(crate) const COLOURS: Self = Self { colours: true };

    /// Something that failed.
    pub(crate) fn bad(self, text: impl fmt::Display) -> String {
        self.in_style("1;31", text)
    }

    /// Something that went well.
    pub(crate) fn good(self, text: impl fmt::Display) -> String {
        self.in_style("32", text)
    }

    /// Something surprising.
    pub(crate) fn warning(self, text: impl fmt::Display) -> String {
        self.in_style("1;33", text)
    }

    /// Something to look at.
    pub(crate) fn accent(self, text: impl fmt::Display) -> String {
        self.in_style("36", text)
    }

    /// Something in the background.
    pub(crate) fn faint(self, text: impl fmt::Display) -> String {
        self.in_style("2", text)
    }

    fn in_style(self, code: &str, text: impl fmt::Display) -> String {
        if self.colours {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_string()
        }
    }
}
