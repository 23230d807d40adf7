//! The head of an instruction: its name, and flags before its arguments.

use crate::arguments;
use crate::error::Problem;

/// An instruction whose arguments are not read yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head<'a> {
    pub(crate) name: &'a str,
    /// As they are written, without quotes: `--mount=type=cache`.
    pub(crate) flags: Vec<String>,
    pub(crate) rest: &'a str,
}

/// What separates an instruction from its arguments.
const SPACES: [char; 5] = [' ', '\t', '\u{b}', '\u{c}', '\r'];

/// Splits a line into the instruction's name, its flags and the rest.
pub(crate) fn split(line: &str, escape: char) -> Head<'_> {
    let line = line.trim();
    let Some((name, rest)) = line.split_once(SPACES) else {
        return Head {
            name: line,
            flags: Vec::new(),
            rest: "",
        };
    };
    let (flags, rest) = flags(rest, escape);
    Head {
        name,
        flags,
        rest: rest.trim(),
    }
}

/// Answers whether the instruction of a line takes here-documents: not in the form of JSON.
pub(crate) fn may_hold_heredocs(line: &str, escape: char) -> Result<bool, Problem> {
    let head = split(line, escape);
    match head.name.to_ascii_uppercase().as_str() {
        "ADD" | "COPY" | "RUN" => Ok(arguments::json(head.rest)?.is_none()),
        "ONBUILD" => match split(head.rest, escape).name.to_ascii_uppercase().as_str() {
            "ADD" | "COPY" | "RUN" => Ok(true),
            _ => Ok(false),
        },
        _ => Ok(false),
    }
}

/// Takes words that begin with `--` from the front; a bare `--` ends them.
fn flags(text: &str, escape: char) -> (Vec<String>, &str) {
    let mut flags = Vec::new();
    let mut rest = text;
    loop {
        let start = rest.trim_start();
        if !start.starts_with("--") {
            return (flags, start);
        }
        let (word, end) = flag(start, escape);
        rest = &start[end..];
        if word == "--" {
            return (flags, rest);
        }
        if !word.is_empty() {
            flags.push(word);
        }
    }
}

/// Reads one word, and answers it without quotes and escapes, and where it ends.
fn flag(text: &str, escape: char) -> (String, usize) {
    let mut word = String::new();
    let mut quote = None;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match quote {
            None if character.is_whitespace() => return (word, at),
            None if matches!(character, '\'' | '"') => quote = Some(character),
            Some(open) if character == open => quote = None,
            _ if character == escape => word.extend(characters.next().map(|(_, escaped)| escaped)),
            _ => word.push(character),
        }
    }
    (word, text.len())
}
