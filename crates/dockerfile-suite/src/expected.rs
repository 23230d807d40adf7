//! What a case comes to, as it is recorded.

use std::fmt::Write as _;

use serde_json::Value;

use crate::outcome::{Outcome, text};
use crate::warning::Warning;

/// What comes before the configuration.
pub(crate) const CONFIGURATION: &str = "\nconfig ";

/// What begins the line of a warning.
const WARNING: &str = "warning ";

/// What begins the line of a failure; the lines of the Dockerfile follow.
const FAILS: &str = "fails";

/// An outcome and its warnings as text. Lines that begin with `#` are for people, and not compared.
#[derive(Debug, Clone)]
pub struct Expected(String);

impl Expected {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// Answers how an outcome is recorded.
    pub fn of(outcome: &Outcome, warnings: &[Warning]) -> Self {
        let mut warnings = warnings.to_vec();
        warnings.sort();
        Self(text(outcome, &warnings))
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// Answers the lines in which `actual` is different: `-` before what was expected, `+` before what came; nothing when
    /// there are none.
    pub fn differences(&self, actual: &Self) -> Option<String> {
        let (expected, mut actual) = (self.compared(), actual.compared());
        if self.fails_nowhere() {
            // The other side may know where.
            actual
                .iter_mut()
                .filter(|line| line.starts_with(FAILS))
                .for_each(|line| *line = FAILS);
        }
        let mut text = String::new();
        for line in lost(&expected, &actual) {
            let _ = writeln!(text, "-{line}");
        }
        for line in lost(&actual, &expected) {
            let _ = writeln!(text, "+{line}");
        }
        if text.is_empty() && expected != actual {
            text.push_str("the same lines in another order\n");
        }
        (!text.is_empty()).then_some(text)
    }

    /// Answers the lines that count: of a failure, nothing but where it is.
    fn compared(&self) -> Vec<&str> {
        let is_failure = self.failing_line().is_some();
        let counts = |line: &&str| !(line.starts_with('#') || is_failure && line.starts_with(WARNING));
        self.0.lines().filter(counts).collect()
    }

    /// Answers the first line that a build fails at, if that is known; nothing when it does not fail.
    pub fn failing_line(&self) -> Option<Option<usize>> {
        let mut lines = self.0.lines();
        let failure = lines.find_map(|line| line.strip_prefix(FAILS))?;
        Some(failure.split_whitespace().find_map(|word| word.parse().ok()))
    }

    /// Answers the configuration of the image, without what depends on when and where it was built.
    pub fn configuration(&self) -> Option<Value> {
        let (_, rest) = self.0.split_once(CONFIGURATION)?;
        let mut documents = serde_json::Deserializer::from_str(rest).into_iter();
        documents.next()?.ok()
    }

    /// Answers what is warned of.
    pub fn warnings(&self) -> Vec<&str> {
        self.0.lines().filter(|line| line.starts_with(WARNING)).collect()
    }

    /// Answers whether it is a failure at no line.
    fn fails_nowhere(&self) -> bool {
        self.0.lines().any(|line| line == FAILS)
    }
}

/// Answers the lines of `from` that `to` has not, counting those that are there several times.
fn lost<'a>(from: &[&'a str], to: &[&str]) -> Vec<&'a str> {
    let mut left = to.to_vec();
    let mut is_lost = |line: &&'a str| match left.iter().position(|other| other == line) {
        Some(at) => {
            left.swap_remove(at);
            false
        }
        None => true,
    };
    from.iter().copied().filter(|line| is_lost(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differences(expected: &str, actual: &str) -> Option<String> {
        Expected(expected.to_owned()).differences(&Expected(actual.to_owned()))
    }

    #[test]
    fn what_is_for_people_is_not_compared() {
        assert_eq!(differences("fails\n# one", "fails\n# other"), None);
    }

    #[test]
    fn where_it_fails_is_compared_if_it_is_known() {
        assert_eq!(differences("fails", "fails 3 4"), None);
        assert_eq!(
            differences("fails 3", "fails 4").as_deref(),
            Some("-fails 3\n+fails 4\n")
        );
        assert!(differences("fails", "layers 1").is_some());
    }

    #[test]
    fn what_a_build_that_fails_warns_of_is_not_compared() {
        assert_eq!(differences("warning A line 1\nfails 3", "fails 3"), None);
        assert!(differences("warning A line 1\nlayers 3", "layers 3").is_some());
    }

    #[test]
    fn lines_that_moved_are_a_difference() {
        assert_eq!(differences("a\nb\na", "a\nb\na"), None);
        assert_eq!(differences("a\nb\na", "a\nb").as_deref(), Some("-a\n"));
        assert!(differences("a\nb", "b\na").is_some());
    }
}
