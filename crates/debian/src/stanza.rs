//! Reads control data (`Field: value`, stanzas separated by empty lines; Debian Policy §5.1), one stanza at a
//! time.

use std::io::{self, BufRead};

/// The longest line that is accepted, which is far longer than any in the archive.
const LONGEST_LINE: usize = 1 << 20;

/// Reads stanzas from `input` without holding more than one.
pub(crate) struct Stanzas<R> {
    input: R,
    text: String,
    bytes: Vec<u8>,
}

impl<R: BufRead> Stanzas<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input,
            text: String::new(),
            bytes: Vec::new(),
        }
    }

    /// Answers the next stanza, or `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Stanza<'_>>> {
        self.text.clear();
        while self.read_line()? {
            if self.bytes.iter().all(u8::is_ascii_whitespace) {
                if self.text.is_empty() {
                    continue;
                }
                break;
            }
            self.text.push_str(&String::from_utf8_lossy(&self.bytes));
        }
        Ok((!self.text.is_empty()).then_some(Stanza { text: &self.text }))
    }

    fn read_line(&mut self) -> io::Result<bool> {
        self.bytes.clear();
        let count =
            io::Read::take(&mut self.input, LONGEST_LINE as u64).read_until(b'\n', &mut self.bytes)?;
        if count == LONGEST_LINE {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a line of control data is too long",
            ));
        }
        Ok(count > 0)
    }
}

/// One stanza.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stanza<'a> {
    text: &'a str,
}

impl<'a> Stanza<'a> {
    /// Takes a text that is one stanza.
    pub(crate) fn of(text: &'a str) -> Self {
        Self { text }
    }

    /// Answers the fields in order; a value keeps the line ends of its continuation lines.
    pub(crate) fn fields(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut rest = self.text;
        std::iter::from_fn(move || {
            while !rest.is_empty() {
                let end = end_of_field(rest);
                let (field, after) = rest.split_at(end);
                rest = after;
                if let Some((name, value)) = field.split_once(':') {
                    return Some((name.trim(), value.trim()));
                }
            }
            None
        })
    }

    /// Answers the value of the field `name`, whatever its case.
    pub(crate) fn get(self, name: &str) -> Option<&'a str> {
        self.fields()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// Answers where the first field ends: before the next line that does not start with white space.
fn end_of_field(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(offset) = bytes[from..].iter().position(|byte| *byte == b'\n') {
        from += offset + 1;
        if !matches!(bytes.get(from), Some(b' ' | b'\t')) {
            return from;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas_are_read_one_by_one_with_their_continuation_lines() {
        let text =
            "\n\nPackage: a\nDescription: one\n two\n .\n three\nSize: 5\n \n\nPackage: b\nversion:  1:2 ";
        let mut stanzas = Stanzas::new(text.as_bytes());
        let first = stanzas.next().expect("reads").expect("a stanza");
        assert_eq!(first.get("Package"), Some("a"));
        assert_eq!(first.get("description"), Some("one\n two\n .\n three"));
        assert_eq!(first.get("Size"), Some("5"));
        assert_eq!(first.get("Version"), None);
        let second = stanzas.next().expect("reads").expect("a stanza");
        assert_eq!(
            second.fields().collect::<Vec<_>>(),
            [("Package", "b"), ("version", "1:2")]
        );
        assert!(stanzas.next().expect("reads").is_none());
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let text = vec![b'a'; LONGEST_LINE + 1];
        assert!(Stanzas::new(text.as_slice()).next().is_err());
    }
}
