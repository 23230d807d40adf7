//! Whether a lock file was made from what the project says now: managers note a digest of that, in the form in which
//! Python's `json.dumps(…, sort_keys=True)` writes it.

use std::fmt::Write as _;

use coracle_spec::Digest;
use toml::{Table, Value};

/// What stands between two entries, and between a key and its value.
pub(super) struct Separators(pub(super) &'static str, pub(super) &'static str);

/// Python's own.
pub(super) const USUAL: Separators = Separators(", ", ": ");

/// Answers the digest of a table as hexadecimal digits.
pub(super) fn digest(table: Table, separators: &Separators) -> String {
    let mut text = String::new();
    write_value(&Value::Table(table), separators, &mut text);
    Digest::of(text).hex()
}

fn write_value(value: &Value, separators: &Separators, text: &mut String) {
    match value {
        Value::Table(table) => {
            let mut entries: Vec<_> = table.iter().collect();
            entries.sort_by(|one, other| one.0.cmp(other.0));
            surrounded(('{', '}'), entries, separators, text, |(key, value), text| {
                write_string(key, text);
                text.push_str(separators.1);
                write_value(value, separators, text);
            });
        }
        Value::Array(items) => surrounded(('[', ']'), items, separators, text, |item, text| {
            write_value(item, separators, text);
        }),
        Value::String(string) if string == NULL => text.push_str("null"),
        Value::String(string) => write_string(string, text),
        other => text.push_str(&other.to_string()),
    }
}

/// What stands for Python's `None`, which TOML has not.
pub(super) const NULL: &str = "\0none";

fn surrounded<T>(
    (open, close): (char, char),
    items: impl IntoIterator<Item = T>,
    separators: &Separators,
    text: &mut String,
    write: impl Fn(T, &mut String),
) {
    text.push(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            text.push_str(separators.0);
        }
        write(item, text);
    }
    text.push(close);
}

/// Everything but printable ASCII is escaped, as UTF-16.
fn write_string(string: &str, text: &mut String) {
    text.push('"');
    for letter in string.chars() {
        match letter {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            ' '..='~' => text.push(letter),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_written_as_python_writes_them() {
        let table = toml::toml! {
            b = ["x", 1, true, {}]
            a = "é \"quoted\" 🛶\n"
        };
        let mut text = String::new();
        write_value(&Value::Table(table), &USUAL, &mut text);
        assert_eq!(
            text,
            r#"{"a": "\u00e9 \"quoted\" \ud83d\udef6\n", "b": ["x", 1, true, {}]}"#
        );
    }
}
