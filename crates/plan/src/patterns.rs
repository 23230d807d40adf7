//! Patterns of paths as Docker's tools write them: in ignore files, in `--exclude`, and as sources of `COPY`.
//!
//! The rules are those of the module `github.com/moby/patternmatcher` and of Go's `path/filepath.Match`, whose `**`,
//! exceptions (`!`) and classes no crate for shell globs has in the same way: with `globset`, `!` is not known and `a**`
//! means something else.

use regex::Regex;

/// A list of patterns, in order; one that begins with `!` takes back what those before it said.
#[derive(Debug, Clone, Default)]
pub struct Patterns {
    patterns: Vec<Pattern>,
}

/// A pattern that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no pattern")]
pub struct InvalidPattern(String);

/// What the patterns said of a folder, for what is in it.
#[derive(Debug, Clone, Default)]
pub struct Above(Vec<bool>);

#[derive(Debug, Clone)]
struct Pattern {
    regex: Regex,
    is_exception: bool,
}

impl Patterns {
    /// Reads an ignore file: a pattern a line, comments after `#`.
    pub fn of_ignore_file(text: &str) -> Result<Self, InvalidPattern> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Self::new(lines.map(|line| from_top(line.trim())))
    }

    /// Reads patterns; empty ones say nothing.
    ///
    /// # Errors
    /// When one has a class without an end, or is a single `!`.
    pub fn new(lines: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, InvalidPattern> {
        let lines = lines.into_iter();
        let patterns = lines.filter_map(|line| match line.as_ref().trim() {
            "" => None,
            line => Some(Pattern::parse(line)),
        });
        Ok(Self {
            patterns: patterns.collect::<Result<_, _>>()?,
        })
    }

    /// Answers whether there are none.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Answers whether one takes back what others said, so that something in a matched folder may not match.
    pub fn have_exceptions(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.is_exception)
    }

    /// Answers whether `path`, or a folder that it is in, matches.
    pub fn matches(&self, path: &str) -> bool {
        let mut above = Above::default();
        let mut matched = false;
        for end in path.match_indices('/').map(|(at, _)| at).chain([path.len()]) {
            (matched, above) = self.look(&path[..end], &above);
        }
        matched
    }

    /// Answers whether `path` matches, when `above` was answered for the folder that it is in, and what to know for what
    /// is in it.
    pub fn look(&self, path: &str, above: &Above) -> (bool, Above) {
        let mut matched = false;
        let mut found = Above(vec![false; self.patterns.len()]);
        for (index, pattern) in self.patterns.iter().enumerate() {
            let inherited = above.0.get(index).copied().unwrap_or_default();
            if !inherited && pattern.is_exception != matched {
                continue;
            }
            found.0[index] = inherited || pattern.regex.is_match(path);
            if found.0[index] {
                matched = !pattern.is_exception;
            }
        }
        (matched, found)
    }
}

impl Pattern {
    fn parse(line: &str) -> Result<Self, InvalidPattern> {
        let (is_exception, pattern) = match line.strip_prefix('!') {
            Some("") => return Err(InvalidPattern(line.to_owned())),
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let pattern = clean(pattern);
        Ok(Self {
            regex: compile(&pattern, Stars::Any)?,
            is_exception,
        })
    }
}

/// Answers a pattern of an ignore file relative to the top.
fn from_top(line: &str) -> String {
    let (mark, pattern) = match line.strip_prefix('!') {
        Some(rest) => ("!", rest.trim()),
        None => ("", line),
    };
    if pattern.is_empty() {
        return mark.to_owned();
    }
    let pattern = clean(pattern);
    let relative = pattern.strip_prefix('/').filter(|rest| !rest.is_empty());
    format!("{mark}{}", relative.unwrap_or(&pattern))
}

/// Makes a matcher of a source with wildcards: `*` and `?` stand for anything but `/`.
pub fn wildcard(pattern: &str) -> Result<Regex, InvalidPattern> {
    compile(pattern, Stars::Single)
}

/// Answers whether a source has wildcards.
pub fn has_wildcards(source: &str) -> bool {
    let mut characters = source.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            '*' | '?' | '[' => return true,
            _ => {}
        }
    }
    false
}

/// Answers a path without `.`, `..` and doubled slashes, as far as that can be said from its text (Go's
/// `path.Clean`). The empty path is `.`.
pub fn clean(path: &str) -> String {
    let is_absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if is_absolute => {}
            part => parts.push(part),
        }
    }
    match (is_absolute, parts.join("/")) {
        (true, rest) => format!("/{rest}"),
        (false, rest) if rest.is_empty() => ".".to_owned(),
        (false, rest) => rest,
    }
}

/// Whether `**` means more than `*`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stars {
    Single,
    Any,
}

fn compile(pattern: &str, stars: Stars) -> Result<Regex, InvalidPattern> {
    let invalid = || InvalidPattern(pattern.to_owned());
    let mut regex = String::from("(?s)^");
    let mut rest = pattern;
    while let Some(character) = rest.chars().next() {
        let is_start = rest.len() == pattern.len();
        rest = &rest[character.len_utf8()..];
        match character {
            '*' if stars == Stars::Any && rest.starts_with('*') => {
                rest = &rest[1..];
                let inner = rest.strip_prefix('/');
                regex.push_str(match inner.unwrap_or(rest) {
                    "" => ".*",
                    _ if inner.is_none() && is_start => ".*",
                    _ => "(.*/)?",
                });
                rest = inner.unwrap_or(rest);
            }
            '*' => regex.push_str("[^/]*"),
            '?' => regex.push_str("[^/]"),
            '[' => rest = class(rest, &mut regex).ok_or_else(invalid)?,
            '\\' => {
                let escaped = rest.chars().next().ok_or_else(invalid)?;
                rest = &rest[escaped.len_utf8()..];
                push_literal(escaped, &mut regex);
            }
            literal => push_literal(literal, &mut regex),
        }
    }
    regex.push('$');
    Regex::new(&regex).map_err(|_| invalid())
}

/// Translates what follows `[`, and answers what follows the class; nothing for one without an end.
fn class<'a>(rest: &'a str, regex: &mut String) -> Option<&'a str> {
    regex.push('[');
    let mut body = rest;
    if let Some(negated) = body.strip_prefix('^') {
        regex.push('^');
        body = negated;
    }
    let mut is_first = true;
    loop {
        let character = body.chars().next()?;
        body = &body[character.len_utf8()..];
        match character {
            ']' if !is_first => break,
            '-' if !is_first => regex.push('-'),
            '\\' => {
                let escaped = body.chars().next()?;
                body = &body[escaped.len_utf8()..];
                push_literal(escaped, regex);
            }
            literal => push_literal(literal, regex),
        }
        is_first = false;
    }
    regex.push(']');
    Some(body)
}

fn push_literal(character: char, regex: &mut String) {
    regex.push_str(&regex::escape(character.encode_utf8(&mut [0; 4])));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_dockers_do() {
        for (pattern, path, expected) in [
            ("a", "a", true),
            ("a", "a/b", true),
            ("a", "b/a", false),
            ("*/a", "b/a", true),
            ("**/a", "a", true),
            ("**/a", "b/c/a", true),
            ("**/a", "ba", false),
            ("**a", "ba", true),
            ("a/**", "a", false),
            ("a/**", "a/b/c", true),
            ("a/**/b", "a/b", true),
            ("**", "x/y", true),
            ("*.md", "a/x.md", false),
            ("./a/", "a/x", true),
            ("x.y", "xzy", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("a+(b)", "a+(b)", true),
        ] {
            let patterns = Patterns::new([pattern]).unwrap();
            assert_eq!(patterns.matches(path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn an_ignore_file_has_comments_and_exceptions() {
        let text = "\u{feff}# all\n/docs\n  *.md  \n\n!README.md\n!/docs/kept\n";
        let patterns = Patterns::of_ignore_file(text).unwrap();
        assert!(patterns.have_exceptions());
        for (path, expected) in [
            ("docs/a", true),
            ("docs/kept/x", false),
            ("x.md", true),
            ("README.md", false),
        ] {
            assert_eq!(patterns.matches(path), expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for bad in ["!", "[a", "a\\"] {
            assert!(Patterns::new([bad]).is_err(), "{bad}");
        }
        assert!(Patterns::of_ignore_file("\n# nothing\n").unwrap().is_empty());
    }

    #[test]
    fn sources_are_matched_within_a_folder() {
        assert!(wildcard("a/*.js").unwrap().is_match("a/x.js"));
        assert!(!wildcard("*.js").unwrap().is_match("a/x.js"));
        assert!(!wildcard("**").unwrap().is_match("a/x"));
        assert!(has_wildcards("a?") && !has_wildcards("a\\?") && !has_wildcards("a/b"));
    }

    #[test]
    fn paths_are_cleaned_by_their_text() {
        for (path, cleaned) in [
            ("", "."),
            ("a//b/./c/..", "a/b"),
            ("/../a", "/a"),
            ("../a", "../a"),
            ("/", "/"),
            ("a/../..", ".."),
        ] {
            assert_eq!(clean(path), cleaned, "{path}");
        }
    }
}
