//! YAML as a tree of nodes that know their lines.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy};
use serde_saphyr::{Location, Spanned, UserMessageFormatter};

use super::error::{Fault, What};

/// The longest manifest, in bytes.
const LONGEST: usize = 256 * 1024;

/// A value and the line that it starts on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) line: u64,
    pub(super) value: Value,
}

/// A value. Scalars keep their text, so that `version: 3.10` stays what the author wrote.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Pair>),
}

/// An entry of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pair {
    pub(super) line: u64,
    pub(super) key: String,
    pub(super) node: Node,
}

/// Reads one YAML document.
pub(super) fn parse(text: &str) -> Result<Node, Fault> {
    if text.len() > LONGEST {
        return Err(Fault {
            line: 1,
            what: What::TooLong { longest: LONGEST },
        });
    }
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    };
    let raw: Spanned<Raw> =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| syntax(&error))?;
    Ok(located(text, raw))
}

fn syntax(error: &serde_saphyr::Error) -> Fault {
    let line = error.location().map_or(1, |location| location.line().max(1));
    let message = error.render_with_formatter(&UserMessageFormatter);
    let first = message.lines().next().unwrap_or_default();
    let message = without_place(first).to_owned();
    Fault {
        line,
        what: What::Syntax { message },
    }
}

/// The line is said at the start of every message of ours; the parser says it in its own way at the end or start.
fn without_place(message: &str) -> &str {
    let end = message.find(" at line ").unwrap_or(message.len());
    let start = message
        .find(": ")
        .filter(|_| message.starts_with("line "))
        .map_or(0, |at| at + 2);
    if start < end {
        &message[start..end]
    } else {
        message
    }
}

fn located(text: &str, raw: Spanned<Raw>) -> Node {
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Bool(flag) => Value::Bool(flag),
        Raw::Number(number) => Value::Number(written(text, raw.defined).map_or(number, str::to_owned)),
        Raw::Text(text) => Value::Text(text),
        Raw::List(items) => Value::List(items.into_iter().map(|item| located(text, item)).collect()),
        Raw::Map(pairs) => Value::Map(pairs.into_iter().map(|pair| located_pair(text, pair)).collect()),
    };
    Node {
        line: raw.referenced.line().max(1),
        value,
    }
}

fn located_pair(text: &str, (key, node): (Spanned<String>, Spanned<Raw>)) -> Pair {
    Pair {
        line: key.referenced.line().max(1),
        key: key.value,
        node: located(text, node),
    }
}

/// The characters of the document that a scalar was read from.
fn written(text: &str, location: Location) -> Option<&str> {
    let start = usize::try_from(location.span().byte_offset()?).ok()?;
    let length = usize::try_from(location.span().byte_len()?).ok()?;
    text.get(start..start.checked_add(length)?)
        .map(str::trim)
        .filter(|text| !text.is_empty())
}

/// What serde sees of a document.
enum Raw {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(flag))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Raw, E> {
        Ok(Raw::Number(number.to_string()))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Raw, E> {
        Ok(Raw::Number(number.to_string()))
    }

    fn visit_i128<E: de::Error>(self, number: i128) -> Result<Raw, E> {
        Ok(Raw::Number(number.to_string()))
    }

    fn visit_u128<E: de::Error>(self, number: u128) -> Result<Raw, E> {
        Ok(Raw::Number(number.to_string()))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Raw, E> {
        Ok(Raw::Number(number.to_string()))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(pair) = pairs.next_entry()? {
            map.push(pair);
        }
        Ok(Raw::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        parse(text).unwrap().value
    }

    #[test]
    fn numbers_keep_the_digits_that_the_author_wrote() {
        let Value::Map(pairs) = value("python:\n  version: 3.10\nport: 0x1F\nother: &a 1.50\nalias: *a\n")
        else {
            panic!("no map")
        };
        let Value::Map(python) = &pairs[0].node.value else {
            panic!("no map")
        };
        assert_eq!(
            (python[0].line, &python[0].node.value),
            (2, &Value::Number("3.10".to_owned()))
        );
        assert_eq!(pairs[1].node.value, Value::Number("0x1F".to_owned()));
        assert_eq!(pairs[3].node.value, Value::Number("1.50".to_owned()));
    }

    #[test]
    fn an_empty_document_is_nothing_and_words_are_no_booleans() {
        assert_eq!(value(""), Value::Null);
        assert_eq!(value("# only a comment\n"), Value::Null);
        assert_eq!(value("yes"), Value::Text("yes".to_owned()));
        assert_eq!(value("true"), Value::Bool(true));
        assert_eq!(value("\"true\""), Value::Text("true".to_owned()));
    }
}
