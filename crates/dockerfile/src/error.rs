//! Why a text is no Dockerfile, with the lines that it is about.

use std::fmt;

use coracle_spec::{Class, Failure};

/// Lines of a Dockerfile, counted from 1, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lines {
    /// The first.
    pub first: usize,
    /// The last.
    pub last: usize,
}

impl Lines {
    /// Answers one line.
    pub fn one(line: usize) -> Self {
        Self {
            first: line,
            last: line,
        }
    }
}

/// What is wrong with an instruction or a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    message: String,
    hint: Option<String>,
}

impl Problem {
    /// Makes a problem of what is wrong.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    /// Adds what to do.
    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// Answers what to do about it, if that is known.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Adds the place.
    pub(crate) fn at(self, lines: Lines, text: &str) -> ParseError {
        ParseError {
            lines,
            excerpt: excerpt(text, lines),
            problem: self,
        }
    }
}

/// Why a text is no Dockerfile.
///
/// Its text is one line; [`ParseError::excerpt`] shows the lines it is about with those around them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {}: {problem}", lines.first)]
pub struct ParseError {
    /// The lines that it is about.
    pub lines: Lines,
    problem: Problem,
    excerpt: Excerpt,
}

impl ParseError {
    /// Answers what is wrong, without the place.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// Answers the lines that it is about, marked, with those around them.
    pub fn excerpt(&self) -> &Excerpt {
        &self.excerpt
    }
}

impl Failure for ParseError {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        self.problem.hint.clone()
    }
}

/// Lines around a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt(Vec<(usize, bool, String)>);

/// How many lines are shown before and after.
const AROUND: usize = 2;
/// Of a long instruction the first lines are enough.
const MOST: usize = 12;
/// And of a long line its start, in characters.
const WIDTH: usize = 200;

/// Answers `lines` of `text`, marked, with those around them.
pub fn excerpt(text: &str, lines: Lines) -> Excerpt {
    let from = lines.first.saturating_sub(AROUND);
    let shown = text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .filter(|(number, _)| (from..=lines.last + AROUND).contains(number));
    Excerpt(
        shown
            .take(MOST)
            .map(|(number, line)| {
                let is_marked = (lines.first..=lines.last).contains(&number);
                (number, is_marked, shortened(line))
            })
            .collect(),
    )
}

fn shortened(line: &str) -> String {
    match line.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.last().map_or(1, |(number, ..)| number.to_string().len());
        for (index, (number, is_marked, line)) in self.0.iter().enumerate() {
            let mark = if *is_marked { '>' } else { ' ' };
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{mark} {number:>width$} | {line}")?;
        }
        Ok(())
    }
}
