//! Reading one mapping of a manifest, key by key.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::collections::BTreeMap;

use super::document::{Node, Pair, Value};
use super::error::{Fault, What};
use super::value::{FromNode, found};

/// A mapping whose keys are all known ones.
pub(super) struct Section<'a> {
    path: String,
    pairs: &'a [Pair],
    given: &'a RefCell<BTreeMap<String, u64>>,
}

impl<'a> Section<'a> {
    /// Makes the top of a document, whose keys must be among `known`.
    pub(super) fn top(
        node: &'a Node,
        path: &str,
        known: &'static [&'static str],
        given: &'a RefCell<BTreeMap<String, u64>>,
    ) -> Result<Self, Fault> {
        let section = Self {
            path: path.to_owned(),
            pairs: pairs(node, path)?,
            given,
        };
        section.refuse_unknown(known)?;
        Ok(section)
    }

    /// Answers the mapping at `key`, whose keys must be among `known`; an empty one when it is left out.
    pub(super) fn section(&self, key: &str, known: &'static [&'static str]) -> Result<Section<'a>, Fault> {
        let path = self.path_of(key);
        let pairs = self
            .find(key)
            .map_or(Ok(&[][..]), |pair| pairs(&pair.node, &path))?;
        let section = Section {
            path,
            pairs,
            given: self.given,
        };
        section.refuse_unknown(known)?;
        Ok(section)
    }

    /// Answers the value at `key`, or nothing when it is left out.
    pub(super) fn optional<T: FromNode>(&self, key: &str) -> Result<Option<T>, Fault> {
        let Some(pair) = self.find(key) else {
            return Ok(None);
        };
        T::from_node(&pair.node, &self.path_of(key)).map(Some)
    }

    /// Answers the value at `key`, or `default` when it is left out.
    pub(super) fn or<T: FromNode>(&self, key: &str, default: T) -> Result<T, Fault> {
        Ok(self.optional(key)?.unwrap_or(default))
    }

    /// Answers the value at `key`, or the type's default when it is left out.
    pub(super) fn or_default<T: FromNode + Default>(&self, key: &str) -> Result<T, Fault> {
        self.or(key, T::default())
    }

    /// Answers what `check` makes of the value at `key`.
    pub(super) fn checked<T: FromNode + Borrow<B>, B: ?Sized>(
        &self,
        key: &str,
        check: impl Fn(&B) -> Result<(), String>,
    ) -> Result<Option<T>, Fault> {
        let value = self.optional(key)?;
        match value.as_ref().map(|value: &T| check(value.borrow())) {
            Some(Err(message)) => Err(self.invalid(key, message)),
            _ => Ok(value),
        }
    }

    /// Answers the nodes of the list at `key`; none when it is left out.
    pub(super) fn nodes(&self, key: &str) -> Result<&'a [Node], Fault> {
        match self.find(key).map(|pair| &pair.node) {
            None
            | Some(Node {
                value: Value::Null, ..
            }) => Ok(&[]),
            Some(Node {
                value: Value::List(items),
                ..
            }) => Ok(items),
            Some(node) => Err(unexpected(node, &self.path_of(key), "a list")),
        }
    }

    /// Answers what is written at `key`.
    pub(super) fn find(&self, key: &str) -> Option<&'a Pair> {
        self.pairs.iter().find(|pair| pair.key == key)
    }

    /// Answers the keys that are written, in their order.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().map(|pair| pair.key.as_str())
    }

    /// Makes the error of a value at `key` that is wrong for the reason `message`.
    pub(super) fn invalid(&self, key: &str, message: String) -> Fault {
        let line = self.find(key).map_or(1, |pair| pair.node.line);
        Fault {
            line,
            what: What::Invalid {
                key: self.path_of(key),
                message,
            },
        }
    }

    fn path_of(&self, key: &str) -> String {
        joined(&self.path, key)
    }

    fn refuse_unknown(&self, known: &'static [&'static str]) -> Result<(), Fault> {
        for pair in self.pairs {
            let key = self.path_of(&pair.key);
            if !known.contains(&pair.key.as_str()) {
                let nearest = nearest(&pair.key, known).map(|near| joined(&self.path, near));
                return Err(Fault {
                    line: pair.line,
                    what: What::UnknownKey { key, nearest, known },
                });
            }
            self.given.borrow_mut().insert(key, pair.line);
        }
        Ok(())
    }
}

/// Makes the error of a value of another type.
pub(super) fn unexpected(node: &Node, key: &str, expected: &str) -> Fault {
    let (key, expected) = (key.to_owned(), expected.to_owned());
    Fault {
        line: node.line,
        what: What::Unexpected {
            key,
            found: found(&node.value),
            expected,
        },
    }
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn pairs<'a>(node: &'a Node, path: &str) -> Result<&'a [Pair], Fault> {
    match &node.value {
        Value::Map(pairs) => Ok(pairs),
        Value::Null => Ok(&[]),
        _ => Err(unexpected(
            node,
            if path.is_empty() { "the manifest" } else { path },
            "a mapping",
        )),
    }
}

/// The known key that a typing error probably meant.
fn nearest(key: &str, known: &[&'static str]) -> Option<&'static str> {
    let folded = key.to_lowercase().replace('-', "_");
    known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(&folded, candidate), *candidate))
        .filter(|(similarity, _)| *similarity > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_found_through_typing_errors_and_other_spellings() {
        let known = ["min", "max", "concurrency", "exclude_dependencies", "runtime"];
        for (typed, meant) in [
            ("mim", Some("min")),
            ("concurency", Some("concurrency")),
            ("excludeDependencies", Some("exclude_dependencies")),
            ("exclude-dependencies", Some("exclude_dependencies")),
            ("run_time", Some("runtime")),
            ("zebra", None),
        ] {
            assert_eq!(nearest(typed, &known), meant, "{typed}");
        }
    }
}
