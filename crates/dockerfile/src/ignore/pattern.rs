//! One line of an ignore file.

use regex::Regex;

use crate::glob::{self, InvalidGlob};

/// One line of an ignore file.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// Whether it takes back what it matches.
    pub(super) is_exception: bool,
    text: String,
    matcher: Matcher,
}

/// What most patterns are is told faster, and in corners differently, than by a regular expression: `**x` is everything
/// that ends with `x`, and `**x*` is a name that begins with it.
#[derive(Debug, Clone)]
enum Matcher {
    Exact,
    Prefix(String),
    Suffix(String),
    Regex(Regex),
}

impl Pattern {
    pub(super) fn new(text: &str) -> Result<Self, InvalidGlob> {
        let invalid = || InvalidGlob(text.to_owned());
        let (is_exception, text) = match clean(text).strip_prefix('!') {
            Some("") => return Err(invalid()),
            Some(rest) => (true, rest.to_owned()),
            None => (false, clean(text)),
        };
        glob::Glob::new(&text)?;
        Ok(Self {
            is_exception,
            matcher: matcher(&text).ok_or_else(invalid)?,
            text,
        })
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        match &self.matcher {
            Matcher::Exact => path == self.text,
            Matcher::Prefix(prefix) => path.starts_with(prefix.as_str()),
            Matcher::Suffix(suffix) => {
                path.ends_with(suffix.as_str()) || suffix.strip_prefix('/').is_some_and(|name| name == path)
            }
            Matcher::Regex(regex) => regex.is_match(path),
        }
    }

    /// Answers whether it may match something beneath a folder.
    pub(super) fn may_be_beneath(&self, folder: &str) -> bool {
        let text = self.text.strip_suffix("/**").unwrap_or(&self.text);
        let text = text.strip_suffix("/*").unwrap_or(text);
        text.contains(['*', '[', ']', '?', '^', '\\'])
            || format!("{text}/").starts_with(&format!("{folder}/"))
    }

    pub(super) fn is_everything(&self) -> bool {
        matches!(self.text.as_str(), "*" | "**" | "**/*")
    }
}

/// What a pattern is, as far as it was read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Exact,
    Prefix,
    Suffix,
    Regex,
}

fn matcher(text: &str) -> Option<Matcher> {
    let mut regex = "(?s)^".to_owned();
    let mut kind = Kind::Exact;
    let mut rest = text.chars().peekable();
    let mut is_first = true;
    while let Some(letter) = rest.next() {
        let was_first = std::mem::take(&mut is_first);
        if letter == '*' && rest.next_if_eq(&'*').is_some() {
            rest.next_if_eq(&'/');
            kind = folders(kind, rest.peek().is_none(), &mut regex);
            if was_first {
                kind = Kind::Suffix;
            }
        } else if letter == '*' {
            regex.push_str("[^/]*");
            kind = Kind::Regex;
        } else {
            if matches!(letter, '?' | '\\' | '[' | ']') {
                kind = Kind::Regex;
            }
            glob::one(letter, &mut rest, &mut regex)?;
        }
    }
    match kind {
        Kind::Exact => Some(Matcher::Exact),
        Kind::Prefix => text
            .strip_suffix("**")
            .map(|prefix| Matcher::Prefix(prefix.to_owned())),
        Kind::Suffix => text
            .strip_prefix("**")
            .map(|suffix| Matcher::Suffix(suffix.to_owned())),
        Kind::Regex => Regex::new(&(regex + "$")).ok().map(Matcher::Regex),
    }
}

/// Adds what `**` stands for: any folders, or at the end anything.
fn folders(kind: Kind, is_last: bool, regex: &mut String) -> Kind {
    if !is_last {
        regex.push_str("(.*/)?");
        Kind::Regex
    } else if kind == Kind::Exact {
        Kind::Prefix
    } else {
        regex.push_str(".*");
        Kind::Regex
    }
}

/// Answers a path without detours (Go, package `path/filepath`, `Clean`): relative stays relative, and nothing is `.`.
pub fn clean(path: &str) -> String {
    let is_absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if is_absolute => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (is_absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}
