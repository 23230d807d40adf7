//! Passwords that are typed, or come through a pipe or out of a file.

use std::io::{self, BufRead, IsTerminal};

use crate::printer::Printer;

/// Reads a line from stdin; from a terminal, without showing it.
pub(crate) fn typed(printer: Printer) -> io::Result<String> {
    let stdin = io::stdin();
    let hidden = stdin.is_terminal().then(|| {
        printer.insist("password:");
        Hidden::new()
    });
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    drop(hidden);
    read?;
    Ok(line)
}

/// Answers a password without the end of its line, unless nothing is left.
pub(crate) fn of_line(text: &str) -> Option<&str> {
    let password = text.trim_end_matches(['\r', '\n']);
    (!password.is_empty()).then_some(password)
}

/// While this lives, the terminal does not show what is typed.
#[cfg(unix)]
struct Hidden(Option<rustix::termios::Termios>);

#[cfg(unix)]
impl Hidden {
    fn new() -> Self {
        let Ok(before) = rustix::termios::tcgetattr(io::stdin()) else {
            return Self(None);
        };
        let mut hidden = before.clone();
        hidden.local_modes.remove(rustix::termios::LocalModes::ECHO);
        let _ = rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Now, &hidden);
        Self(Some(before))
    }
}

#[cfg(unix)]
impl Drop for Hidden {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Now, before);
        }
    }
}

/// What is typed is shown, on systems whose terminals are told otherwise in other ways.
#[cfg(not(unix))]
struct Hidden;

#[cfg(not(unix))]
impl Hidden {
    fn new() -> Self {
        Self
    }
}
