//! One record: `MILLISECONDS STREAM REVISION INSTANCE TEXT`, ended by a line feed. `STREAM` is `o` or `e`, and has a
//! `+` when the next record continues the same line. Plain text, so that the files can be read without the program.

use std::fmt::Write;

/// One line that an instance printed, or a piece of a long one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Milliseconds since 1970-01-01 UTC.
    pub at_ms: u64,
    /// The number of the instance's revision.
    pub revision: u64,
    /// The instance, as one word.
    pub instance: String,
    /// Where it printed it.
    pub stream: Stream,
    /// The line without its end.
    pub text: String,
    /// Whether the next line of the same instance and stream continues this one.
    pub continued: bool,
}

/// Where an instance prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// On standard output.
    Stdout,
    /// On standard error.
    Stderr,
}

impl Line {
    /// Adds the records of this line to `records`, cutting the text into pieces of at most `longest` bytes.
    pub(super) fn encode(&self, longest: usize, records: &mut Vec<String>) {
        let mut rest = self.text.as_str();
        while rest.len() > longest {
            let (piece, after) = rest.split_at(boundary(rest, longest));
            records.push(self.record(piece, true));
            rest = after;
        }
        records.push(self.record(rest, self.continued));
    }

    fn record(&self, text: &str, continued: bool) -> String {
        let stream = match self.stream {
            Stream::Stdout => 'o',
            Stream::Stderr => 'e',
        };
        let more = if continued { "+" } else { "" };
        let mut record = String::with_capacity(text.len() + self.instance.len() + 32);
        let _ = write!(record, "{} {stream}{more} {} ", self.at_ms, self.revision);
        record.extend(
            self.instance
                .chars()
                .map(|char| if char.is_whitespace() { '_' } else { char }),
        );
        record.push(' ');
        record.extend(text.chars().map(|char| if char == '\n' { ' ' } else { char }));
        record.push('\n');
        record
    }

    /// Reads a record without its end, `None` when it is none.
    pub(super) fn decode(record: &[u8]) -> Option<Self> {
        let record = String::from_utf8_lossy(record);
        let mut parts = record.splitn(5, ' ');
        let at_ms = parts.next()?.parse().ok()?;
        let (stream, continued) = read_stream(parts.next()?)?;
        let revision = parts.next()?.parse().ok()?;
        let instance = parts.next()?.to_owned();
        let text = parts.next()?.to_owned();
        Some(Self {
            at_ms,
            revision,
            instance,
            stream,
            text,
            continued,
        })
    }
}

fn read_stream(word: &str) -> Option<(Stream, bool)> {
    let (letter, continued) = word
        .strip_suffix('+')
        .map_or((word, false), |letter| (letter, true));
    match letter {
        "o" => Some((Stream::Stdout, continued)),
        "e" => Some((Stream::Stderr, continued)),
        _ => None,
    }
}

/// Answers the last place at or before `longest` that is between two characters, after the first one.
fn boundary(text: &str, longest: usize) -> usize {
    let first = text.chars().next().map_or(0, char::len_utf8);
    text.floor_char_boundary(longest).max(first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(text: &str) -> Line {
        Line {
            at_ms: 1_700_000_000_123,
            revision: 7,
            instance: "hello-7-0a1b".to_owned(),
            stream: Stream::Stderr,
            text: text.to_owned(),
            continued: false,
        }
    }

    fn decoded(records: &[String]) -> Vec<Line> {
        records
            .iter()
            .map(|record| Line::decode(record.strip_suffix('\n').unwrap().as_bytes()).unwrap())
            .collect()
    }

    #[test]
    fn a_record_reads_without_the_program() {
        let mut records = Vec::new();
        line(" two  spaces").encode(100, &mut records);
        assert_eq!(records, ["1700000000123 e 7 hello-7-0a1b  two  spaces\n"]);
        assert_eq!(decoded(&records), [line(" two  spaces")]);
    }

    #[test]
    fn what_is_no_record_is_none() {
        for bad in [
            "",
            "x",
            "1 o 1 a",
            "1 x 1 a b",
            "a o 1 a b",
            "1 o a a b",
            "1 o- 1 a b",
        ] {
            assert_eq!(Line::decode(bad.as_bytes()), None, "{bad}");
        }
        assert!(Line::decode(b"1 o 1 a \xff").is_some());
    }

    proptest! {
        #[test]
        fn a_line_of_any_length_comes_back_in_bounded_pieces(text in "[^\n]{0,200}", longest in 1_usize..50) {
            let mut records = Vec::new();
            line(&text).encode(longest, &mut records);
            let pieces = decoded(&records);
            prop_assert_eq!(pieces.iter().map(|piece| piece.text.as_str()).collect::<String>(), text);
            prop_assert!(pieces.iter().all(|piece| piece.text.len() <= longest.max(4)));
            let (last, before) = pieces.split_last().unwrap();
            prop_assert!(!last.continued && before.iter().all(|piece| piece.continued));
        }
    }
}
