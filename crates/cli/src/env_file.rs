//! Files of environment variables, as dotenv programs write them.
//!
//! ```text
//! # a comment
//! export NAME=plain value   # a comment after a blank
//! NAME='as it is, $ and \ too'
//! NAME="first line\nsecond line, \"quoted\",
//! third line"
//! ```
//!
//! A parser of our own: the crates at hand look names up in the environment of the process, or take a line that they do
//! not understand for nothing. Here nothing is expanded, and a line that makes no sense is an error with its number.

use std::iter::Peekable;
use std::str::Chars;

/// Why a text holds no variables.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub(crate) struct Invalid {
    /// The line, counted from one; of a value of several lines, its first.
    pub(crate) line: usize,
    /// What is wrong with it.
    pub(crate) reason: Reason,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Reason {
    /// It sets nothing.
    #[error("expected `NAME=VALUE`")]
    NoAssignment,
    /// What stands before the `=` cannot be a name.
    #[error("`{0}` is not the name of a variable")]
    Name(String),
    /// A quote has no end.
    #[error("the quote {0} that begins the value has no end")]
    Unclosed(char),
    /// Something follows the closing quote.
    #[error("`{0}` follows the closing quote")]
    Trailing(char),
    /// No environment can hold it.
    #[error("the value holds a zero byte")]
    Zero,
}

/// Answers the variables of a text, in its order.
///
/// Values without quotes end at the line's end, or at a ` #`, and lose the blanks around them. Those in single quotes
/// are taken as they are; in double quotes `\n`, `\r`, `\t`, `\"`, `\\` and `\$` mean one character. Both may go over
/// several lines.
pub(crate) fn parse(text: &str) -> Result<Vec<(String, String)>, Invalid> {
    let mut reader = Reader {
        rest: text.strip_prefix('\u{feff}').unwrap_or(text).chars().peekable(),
        line: 1,
    };
    let mut variables = Vec::new();
    while reader.skip_to_line() {
        let line = reader.line;
        let variable = reader.assignment().map_err(|reason| Invalid { line, reason })?;
        variables.push(variable);
    }
    Ok(variables)
}

/// What is left of a text.
struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    line: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.rest.next();
        self.line += usize::from(next == Some('\n'));
        next
    }

    /// Skips blanks, empty lines and comments; answers whether a line follows.
    fn skip_to_line(&mut self) -> bool {
        while let Some(next) = self.rest.peek() {
            match next {
                '#' => self.skip_line(),
                next if next.is_whitespace() => drop(self.next()),
                _ => return true,
            }
        }
        false
    }

    fn skip_line(&mut self) {
        while self.rest.peek().is_some_and(|next| *next != '\n') {
            self.next();
        }
    }

    fn skip_blanks(&mut self) {
        while self.rest.peek().is_some_and(|next| is_blank(*next)) {
            self.next();
        }
    }

    fn assignment(&mut self) -> Result<(String, String), Reason> {
        let name = self.name()?;
        self.skip_blanks();
        let value = match self.rest.peek().copied() {
            Some(quote @ ('\'' | '"')) => self.quoted(quote)?,
            _ => self.plain(),
        };
        if value.contains('\0') {
            return Err(Reason::Zero);
        }
        Ok((name, value))
    }

    fn name(&mut self) -> Result<String, Reason> {
        let mut before = String::new();
        loop {
            match self.rest.peek() {
                Some('=') => break,
                None | Some('\n') => return Err(Reason::NoAssignment),
                Some(other) => before.push(*other),
            }
            self.next();
        }
        self.next();
        let name = before.trim();
        let name = name
            .strip_prefix("export")
            .filter(|rest| rest.starts_with(is_blank))
            .map_or(name, str::trim);
        if is_name(name) {
            Ok(name.to_owned())
        } else {
            Err(Reason::Name(name.to_owned()))
        }
    }

    fn plain(&mut self) -> String {
        let mut value = String::new();
        let mut after_blank = true;
        while let Some(next) = self.rest.peek().copied().filter(|next| *next != '\n') {
            if next == '#' && after_blank {
                self.skip_line();
                break;
            }
            after_blank = is_blank(next);
            value.push(next);
            self.next();
        }
        value.trim().to_owned()
    }

    fn quoted(&mut self, quote: char) -> Result<String, Reason> {
        self.next();
        let mut value = String::new();
        loop {
            match self.next().ok_or(Reason::Unclosed(quote))? {
                next if next == quote => break,
                '\\' if quote == '"' => self.escaped(&mut value),
                '\r' if self.rest.peek() == Some(&'\n') => {}
                next => value.push(next),
            }
        }
        self.skip_blanks();
        match self.rest.peek() {
            None | Some('\n' | '#') => Ok(value),
            Some(other) => Err(Reason::Trailing(*other)),
        }
    }

    /// Takes what follows a backslash in; one that means nothing stays, as in the paths of Windows.
    fn escaped(&mut self, value: &mut String) {
        let meant = match self.rest.peek() {
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some(same @ ('"' | '\\' | '$')) => *same,
            _ => return value.push('\\'),
        };
        self.next();
        value.push(meant);
    }
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r')
}

/// Names of POSIX shells, and the dots and hyphens that some programs have in theirs.
fn is_name(text: &str) -> bool {
    let inner = |character: char| character.is_ascii_alphanumeric() || "_.-".contains(character);
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') && text.chars().all(inner)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_read_as_dotenv_programs_write_them() {
        for (text, expected) in [
            ("A=1", "1"),
            ("  A = 1  ", "1"),
            ("export A=1", "1"),
            ("export\tA=1", "1"),
            ("A=", ""),
            ("A=\r\n", ""),
            ("A=1\r\n", "1"),
            ("\u{feff}A=1", "1"),
            ("# first\n\n \t# second\nA=1", "1"),
            ("A=two words # a comment", "two words"),
            ("A=# a comment", ""),
            ("A=no#comment", "no#comment"),
            ("A=x=y", "x=y"),
            ("A=it's", "it's"),
            ("A=$B and \\n", "$B and \\n"),
            ("A='$B \\n \"x\" # y'", "$B \\n \"x\" # y"),
            ("A='' # a comment", ""),
            (
                "A=\"two\\nlines\\tand a \\\"quote\\\", \\\\, \\$\"",
                "two\nlines\tand a \"quote\", \\, $",
            ),
            ("A=\"C:\\Users\\ada\"", "C:\\Users\\ada"),
            ("A=\"first\nsecond\"", "first\nsecond"),
            ("A=\"first\r\nsecond\"\r\n", "first\nsecond"),
            ("A='-----BEGIN\nKEY-----'\n", "-----BEGIN\nKEY-----"),
        ] {
            let variables = parse(text);
            assert_eq!(
                variables,
                Ok(vec![("A".to_owned(), expected.to_owned())]),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_later_line_follows_an_earlier_one_whatever_the_earlier_one_is() {
        let text = "A=1\nB='2\n2'\n#\nexport exported=3\nlog.level-x=4";
        let names: Vec<String> = parse(text).unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["A", "B", "exported", "log.level-x"]);
        assert_eq!(parse(""), Ok(Vec::new()));
    }

    #[test]
    fn a_line_that_makes_no_sense_is_named_with_the_reason() {
        for (text, message) in [
            ("A=1\n\nboat\nB=2", "line 3: expected `NAME=VALUE`"),
            ("export A", "line 1: expected `NAME=VALUE`"),
            ("=x", "line 1: `` is not the name of a variable"),
            ("A B=x", "line 1: `A B` is not the name of a variable"),
            ("1A=x", "line 1: `1A` is not the name of a variable"),
            (
                "A='1\n2'\nB='x\ny",
                "line 3: the quote ' that begins the value has no end",
            ),
            (
                "A=\"x\\\"",
                "line 1: the quote \" that begins the value has no end",
            ),
            ("A='x'y", "line 1: `y` follows the closing quote"),
            ("A=x\0", "line 1: the value holds a zero byte"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), message, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_with_a_line_that_is_there(text in r#"[A-z=' "\\#\n$0-9]{0,40}"#) {
            if let Err(invalid) = parse(&text) {
                prop_assert!((1..=text.split('\n').count()).contains(&invalid.line));
            }
        }

        #[test]
        fn whatever_is_written_in_double_quotes_comes_back(value in "[^\0\r]{0,40}") {
            let written = value.replace('\\', "\\\\").replace('"', "\\\"");
            let read = parse(&format!("A=\"{written}\"\n"));
            prop_assert_eq!(read, Ok(vec![("A".to_owned(), value)]));
        }
    }
}
