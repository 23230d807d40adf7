//! Patterns of paths: what `COPY` takes as a source (Go, package `path/filepath`, `Match`).
//!
//! `*` and `?` stand for anything but a slash, `[a-z]` and `[^a-z]` for one letter, and a backslash takes a letter's meaning
//! away. Crates for globs know more (`{a,b}`, `[!a]`), which would be read into names that mean themselves.

use std::iter::Peekable;
use std::str::Chars;

use regex::Regex;

/// A pattern of paths.
#[derive(Debug, Clone)]
pub struct Glob(Regex);

/// A text is no pattern: a bracket or an escape has no end, or a range no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no pattern")]
pub struct InvalidGlob(pub(crate) String);

impl Glob {
    /// Reads a pattern.
    pub fn new(pattern: &str) -> Result<Self, InvalidGlob> {
        let invalid = || InvalidGlob(pattern.to_owned());
        let mut regex = "(?s)^".to_owned();
        let mut rest = pattern.chars().peekable();
        while let Some(letter) = rest.next() {
            match letter {
                '*' => regex.push_str("[^/]*"),
                other => one(other, &mut rest, &mut regex).ok_or_else(invalid)?,
            }
        }
        Regex::new(&(regex + "$")).map(Self).map_err(|_| invalid())
    }

    /// Answers whether it stands for the whole of a path.
    pub fn matches(&self, path: &str) -> bool {
        self.0.is_match(path)
    }
}

/// Answers whether a text has letters that make it a pattern.
pub fn is_pattern(text: &str) -> bool {
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '*' | '?' | '[' => return true,
            '\\' => {
                letters.next();
            }
            _ => {}
        }
    }
    false
}

/// Adds what stands for one letter; nothing when it is broken.
pub(crate) fn one(letter: char, rest: &mut Peekable<Chars<'_>>, regex: &mut String) -> Option<()> {
    match letter {
        '?' => regex.push_str("[^/]"),
        '[' => class(rest, regex)?,
        '\\' => literal(rest.next()?, regex),
        other => literal(other, regex),
    }
    Some(())
}

fn literal(letter: char, regex: &mut String) {
    regex.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4])));
}

fn class(rest: &mut Peekable<Chars<'_>>, regex: &mut String) -> Option<()> {
    regex.push('[');
    if rest.next_if_eq(&'^').is_some() {
        regex.push('^');
    }
    let mut is_first = true;
    while is_first || rest.next_if_eq(&']').is_none() {
        is_first = false;
        let low = member(rest)?;
        let high = if rest.next_if_eq(&'-').is_some() {
            member(rest)?
        } else {
            low
        };
        if low > high {
            return None;
        }
        for (sign, bound) in [("", low), ("-", high)] {
            regex.push_str(sign);
            regex.push_str(&format!("\\x{{{:x}}}", u32::from(bound)));
        }
    }
    regex.push(']');
    Some(())
}

/// Reads a letter of a class, which a dash and a bracket are only when they are escaped.
fn member(rest: &mut Peekable<Chars<'_>>) -> Option<char> {
    match rest.next()? {
        '-' | ']' => None,
        '\\' => rest.next(),
        letter => Some(letter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_go_says() {
        for (pattern, path, fits) in [
            ("abc", "abc", true),
            ("*", "abc", true),
            ("*c", "abc", true),
            ("a*", "ab/c", false),
            ("a*/b", "abc/b", true),
            ("a*/b", "a/c/b", false),
            ("a*b*c*d*e*/f", "axbxcxdxe/f", true),
            ("ab[c]", "abc", true),
            ("ab[^b-d]", "abc", false),
            ("ab[e-g]", "abf", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "ab", false),
            ("a?b", "a☺b", true),
            ("a?b", "a/b", false),
            ("[\\]a]", "]", true),
            ("[\\-x]", "-", true),
            ("a{b,c}", "ab", false),
            ("a.c", "abc", false),
            ("[[]", "[", true),
            ("[a&&b]", "&", true),
        ] {
            assert_eq!(
                Glob::new(pattern).unwrap().matches(path),
                fits,
                "{pattern} {path}"
            );
        }
    }

    #[test]
    fn broken_patterns_are_refused() {
        for pattern in ["[", "[a", "[]a]", "[^]", "[-x]", "[x-]", "[b-a]", "a\\", "[a\\"] {
            assert!(Glob::new(pattern).is_err(), "{pattern}");
        }
    }
}
