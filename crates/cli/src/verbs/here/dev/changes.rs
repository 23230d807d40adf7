//! What changed, as a line can say it.

use std::collections::BTreeSet;
use std::fmt;

use coracle_plan::lock;

/// How many names are kept; of more, their number would be no truer.
const MOST_NAMES: usize = 1000;

/// What changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Changes {
    names: BTreeSet<String>,
}

impl Changes {
    /// Adds a file by its path in the folder, or by the name that the user gave it.
    pub(super) fn add(&mut self, name: impl Into<String>) {
        if self.names.len() < MOST_NAMES {
            self.names.insert(name.into());
        }
    }

    /// Takes a file out again.
    pub(super) fn remove(&mut self, name: &str) {
        self.names.remove(name);
    }

    /// Answers whether there are none.
    pub(super) fn are_none(&self) -> bool {
        self.names.is_empty()
    }

    /// Adds other changes.
    pub(super) fn extend(&mut self, others: Self) {
        others.names.into_iter().for_each(|name| self.add(name));
    }

    /// Answers what changed.
    #[cfg(test)]
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Answers whether it is the lock file alone, which builds write themselves.
    pub(super) fn are_the_lock_only(&self) -> bool {
        self.names.len() == 1 && self.names.contains(lock::FILE_NAME)
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = self.names.iter();
        match (names.next(), names.next(), names.len()) {
            (None, ..) => f.write_str("the folder"),
            (Some(one), None, _) => f.write_str(one),
            (Some(one), Some(other), 0) => write!(f, "{one} and {other}"),
            (Some(one), Some(_), more) => write!(f, "{one} and {} more", more + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_files_are_named_and_many_counted() {
        for (names, text) in [
            (&[][..], "the folder"),
            (&["main.py"], "main.py"),
            (&["b.py", "a.py", "b.py"], "a.py and b.py"),
            (&["a.py", "b.py", "c.py"], "a.py and 2 more"),
        ] {
            let mut changes = Changes::default();
            for name in names {
                changes.add(*name);
            }
            assert_eq!(changes.to_string(), text);
        }
    }
}
