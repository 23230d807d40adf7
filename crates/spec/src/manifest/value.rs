//! What the values of a manifest may be.

use std::collections::BTreeMap;

use super::build::Entry;
use super::document::{Node, Value};
use super::error::{Fault, What, listed};
use super::section::unexpected;
use crate::name::{FunctionName, Namespace, RegistryName};
use crate::quantity::{ByteSize, Cpu, Span};
use crate::reference::ImageRef;

/// A type that a value of a manifest can be read as.
pub(super) trait FromNode: Sized {
    /// Reads the value of `key`.
    fn from_node(node: &Node, key: &str) -> Result<Self, Fault>;
}

/// A type with a few values, each of which is a word.
pub(super) trait Word: Sized + Copy + 'static {
    /// The words and what they mean.
    const WORDS: &'static [(&'static str, Self)];
}

impl<T: Word> FromNode for T {
    fn from_node(node: &Node, key: &str) -> Result<Self, Fault> {
        let known = || T::WORDS.iter().map(|(word, _)| *word).collect::<Vec<_>>();
        let Value::Text(text) = &node.value else {
            return Err(unexpected(node, key, &format!("one of {}", listed(&known()))));
        };
        let value = T::WORDS
            .iter()
            .find(|(word, _)| word == text)
            .map(|(_, value)| *value);
        value.ok_or_else(|| unexpected(node, key, &format!("one of {}", listed(&known()))))
    }
}

macro_rules! words {
    ($($type:ty { $($word:literal => $value:expr),+ $(,)? })+) => {
        $(impl $crate::manifest::value::Word for $type {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, $value)),+];
        })+
    };
}
pub(super) use words;

/// A text without line ends that is not empty; numbers and booleans are taken as written.
impl FromNode for String {
    fn from_node(node: &Node, key: &str) -> Result<Self, Fault> {
        match scalar(node) {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err(unexpected(node, key, "a text")),
        }
    }
}

impl FromNode for bool {
    fn from_node(node: &Node, key: &str) -> Result<Self, Fault> {
        match node.value {
            Value::Bool(flag) => Ok(flag),
            _ => Err(unexpected(node, key, "`true` or `false`")),
        }
    }
}

impl FromNode for u16 {
    fn from_node(node: &Node, key: &str) -> Result<Self, Fault> {
        whole(node).ok_or_else(|| unexpected(node, key, "a whole number up to 65535"))
    }
}

impl FromNode for u32 {
    fn from_node(node: &Node, key: &str) -> Result<Self, Fault> {
        whole(node).ok_or_else(|| unexpected(node, key, "a whole number"))
    }
}

impl<T: FromNode> FromNode for Vec<T> {
    fn from_node(node: &Node, key: &str) -> Result<Self, Fault> {
        match &node.value {
            Value::Null => Ok(Self::new()),
            Value::List(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| T::from_node(item, &format!("{key}[{index}]")))
                .collect(),
            _ => Err(unexpected(node, key, "a list: `[first, second]`")),
        }
    }
}

/// A mapping from names to texts, which may be empty.
impl FromNode for BTreeMap<String, String> {
    fn from_node(node: &Node, key: &str) -> Result<Self, Fault> {
        let text = |node: &Node, key: &str| scalar(node).ok_or_else(|| unexpected(node, key, "a text"));
        mapping(node, key, "a mapping of names to texts", text)
    }
}

impl FromNode for BTreeMap<String, serde_json::Value> {
    fn from_node(node: &Node, key: &str) -> Result<Self, Fault> {
        mapping(node, key, "a mapping", |node, _| Ok(json(&node.value)))
    }
}

/// Types that read themselves from a text, and say in their error what they expect.
macro_rules! parsed {
    ($($type:ty),+) => {
        $(impl FromNode for $type {
            fn from_node(node: &Node, key: &str) -> Result<Self, Fault> {
                let text = scalar(node).ok_or_else(|| unexpected(node, key, "a text"))?;
                text.parse().map_err(|error| invalid(node, key, &error))
            }
        })+
    };
}

parsed!(
    FunctionName,
    Namespace,
    RegistryName,
    ImageRef,
    ByteSize,
    Cpu,
    Span
);

/// `path/file.py`, or `path/file.py:object`.
impl FromNode for Entry {
    fn from_node(node: &Node, key: &str) -> Result<Self, Fault> {
        let text = String::from_node(node, key)?;
        let (file, object) = match text.split_once(':') {
            Some((file, object)) => (file, Some(object.to_owned())),
            None => (text.as_str(), None),
        };
        let file = file.strip_prefix("./").unwrap_or(file);
        if !is_inside(file) || object.as_ref().is_some_and(String::is_empty) {
            return Err(unexpected(node, key, "a file of the folder, or `file:object`"));
        }
        Ok(Self {
            file: file.to_owned(),
            object,
        })
    }
}

/// Answers whether a relative path stays beneath where it starts.
pub(super) fn is_inside(path: &str) -> bool {
    !path.is_empty() && !path.starts_with('/') && path.split('/').all(|part| part != ".." && !part.is_empty())
}

/// Describes a value in a message.
pub(super) fn found(value: &Value) -> String {
    match value {
        Value::Null => "empty".to_owned(),
        Value::Bool(flag) => format!("`{flag}`"),
        Value::Number(text) | Value::Text(text) => format!("`{}`", shortened(text)),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a mapping".to_owned(),
    }
}

fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() > 60 || line.len() < text.len() {
        line.chars().take(60).chain(['…']).collect()
    } else {
        line.to_owned()
    }
}

fn scalar(node: &Node) -> Option<String> {
    match &node.value {
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(text) | Value::Text(text) => Some(text.clone()),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}

fn whole<T: std::str::FromStr>(node: &Node) -> Option<T> {
    match &node.value {
        Value::Number(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

fn mapping<T>(
    node: &Node,
    key: &str,
    expected: &str,
    read: impl Fn(&Node, &str) -> Result<T, Fault>,
) -> Result<BTreeMap<String, T>, Fault> {
    match &node.value {
        Value::Null => Ok(BTreeMap::new()),
        Value::Map(pairs) => pairs
            .iter()
            .map(|pair| {
                Ok((
                    pair.key.clone(),
                    read(&pair.node, &format!("{key}.{}", pair.key))?,
                ))
            })
            .collect(),
        _ => Err(unexpected(node, key, expected)),
    }
}

fn invalid(node: &Node, key: &str, error: &dyn std::error::Error) -> Fault {
    Fault {
        line: node.line,
        what: What::Invalid {
            key: key.to_owned(),
            message: error.to_string(),
        },
    }
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(flag) => (*flag).into(),
        Value::Number(text) => text
            .parse()
            .map_or_else(|_| text.clone().into(), serde_json::Value::Number),
        Value::Text(text) => text.clone().into(),
        Value::List(items) => items.iter().map(|item| json(&item.value)).collect(),
        Value::Map(pairs) => serde_json::Value::Object(
            pairs
                .iter()
                .map(|pair| (pair.key.clone(), json(&pair.node.value)))
                .collect(),
        ),
    }
}
