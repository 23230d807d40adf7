//! Shell patterns of `${name#pattern}` and its kin (POSIX.1-2017, Shell Command Language, 2.13): `?` and `*`, without
//! brackets.

use regex::Regex;

/// A pattern holds an escape that means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is no pattern: `\\` stands before `*`, `?` and `\\` only")]
pub struct InvalidPattern {
    pattern: String,
}

/// How much `*` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// As little as it can.
    Shortest,
    /// As much as it can.
    Longest,
}

/// Takes what matches away from the start.
pub(super) fn trim_start(value: &str, pattern: &str, reach: Reach) -> Result<String, InvalidPattern> {
    let found = regex(pattern, reach, "^", "")?
        .find(value)
        .map_or(0, |found| found.end());
    Ok(value[found..].to_owned())
}

/// Takes what matches away from the end.
pub(super) fn trim_end(value: &str, pattern: &str, reach: Reach) -> Result<String, InvalidPattern> {
    let whole = regex(pattern, Reach::Longest, "^", "$")?;
    let mut starts = value.char_indices().map(|(at, _)| at).chain([value.len()]);
    let matches = |at: &usize| whole.is_match(&value[*at..]);
    let start = match reach {
        Reach::Longest => starts.find(matches),
        Reach::Shortest => starts.rfind(matches),
    };
    Ok(value[..start.unwrap_or(value.len())].to_owned())
}

/// Puts `replacement` where the pattern matches: the first time, or everywhere.
pub(super) fn replace(
    value: &str,
    pattern: &str,
    replacement: &str,
    is_everywhere: bool,
) -> Result<String, InvalidPattern> {
    let limit = usize::from(!is_everywhere);
    let regex = regex(pattern, Reach::Longest, "", "")?;
    Ok(regex
        .replacen(value, limit, regex::NoExpand(replacement))
        .into_owned())
}

fn regex(pattern: &str, reach: Reach, before: &str, after: &str) -> Result<Regex, InvalidPattern> {
    let invalid = || InvalidPattern {
        pattern: pattern.to_owned(),
    };
    let mut text = before.to_owned();
    let mut rest = pattern.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '*' => text.push_str(if reach == Reach::Longest { ".*" } else { ".*?" }),
            '?' => text.push('.'),
            // These end the pattern when they are not escaped; the escape is not part of it.
            '\\' if matches!(rest.peek(), Some('}' | '/')) => {}
            '\\' => match rest.next() {
                Some(escaped @ ('*' | '?' | '\\')) => {
                    text.push_str(&regex::escape(escaped.encode_utf8(&mut [0; 4])));
                }
                _ => return Err(invalid()),
            },
            other => text.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    Regex::new(&(text + after)).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_and_the_longest_match_are_taken_from_either_end() {
        for (value, pattern, shortest, longest) in [
            ("foo.tar.gz", "*.", "tar.gz", "gz"),
            ("abcabc", "a*c", "abc", ""),
            ("abc", "x*", "abc", "abc"),
        ] {
            assert_eq!(trim_start(value, pattern, Reach::Shortest).unwrap(), shortest);
            assert_eq!(trim_start(value, pattern, Reach::Longest).unwrap(), longest);
        }
        for (value, pattern, shortest, longest) in [
            ("foo.tar.gz", ".*", "foo.tar", "foo"),
            ("a/b/c", "/?", "a/b", "a/b"),
            ("a*b*c", "\\**", "a*b", "a"),
            ("안녕하세요", "세?", "안녕하", "안녕하"),
        ] {
            assert_eq!(
                trim_end(value, pattern, Reach::Shortest).unwrap(),
                shortest,
                "{value}"
            );
            assert_eq!(
                trim_end(value, pattern, Reach::Longest).unwrap(),
                longest,
                "{value}"
            );
        }
    }

    #[test]
    fn replacements_are_taken_literally() {
        assert_eq!(replace("a.b.c", ".", "$0", false).unwrap(), "a$0b.c");
        assert_eq!(replace("a.b.c", ".", "", true).unwrap(), "abc");
        assert_eq!(replace("a/b", "\\/", "-", true).unwrap(), "a-b");
    }

    #[test]
    fn an_escape_that_means_nothing_is_refused() {
        assert!(trim_start("abc", "\\a", Reach::Shortest).is_err());
        assert!(trim_start("abc", "a\\", Reach::Shortest).is_err());
    }
}
