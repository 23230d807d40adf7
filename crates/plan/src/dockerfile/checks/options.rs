//! What the author says about checks: `# check=skip=A,B;error=true`.

use std::collections::BTreeSet;

use super::super::error::Wrong;

/// What the author says about checks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Options {
    skipped: Rules,
    tried: Rules,
    /// Whether what is found fails the build.
    pub(super) are_errors: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rules {
    All,
    These(BTreeSet<String>),
}

impl Default for Rules {
    fn default() -> Self {
        Self::These(BTreeSet::new())
    }
}

impl Rules {
    fn parse(text: &str) -> Self {
        match text {
            "all" => Self::All,
            names => Self::These(names.split(',').map(|name| name.trim().to_owned()).collect()),
        }
    }

    fn has(&self, rule: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => names.contains(rule),
        }
    }
}

impl Options {
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        let mut options = Self::default();
        for part in text.trim().split(';') {
            let invalid = || {
                Wrong::new(format!("`{part}` says nothing about checks")).hint(
                    "expected `skip=RULE,RULE`, `experimental=RULE` or `error=true`, with `;` between them",
                )
            };
            let (name, value) = part.split_once('=').ok_or_else(invalid)?;
            match (name.trim(), value.trim()) {
                ("skip", names) => options.skipped = Rules::parse(names),
                ("experimental", names) => options.tried = Rules::parse(names),
                ("error", "true" | "1" | "t" | "T" | "TRUE" | "True") => options.are_errors = true,
                ("error", "false" | "0" | "f" | "F" | "FALSE" | "False") => options.are_errors = false,
                _ => return Err(invalid()),
            }
        }
        Ok(options)
    }

    pub(super) fn skips(&self, rule: &str) -> bool {
        self.skipped.has(rule)
    }

    pub(super) fn tries(&self, rule: &str) -> bool {
        self.tried.has(rule)
    }
}

/// Reads what a comment above an instruction says; nothing when it says something else.
pub(super) fn of_comment(comment: &str) -> Option<Options> {
    let (name, value) = comment.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("check") {
        return None;
    }
    Options::parse(value.split_whitespace().next()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_skipped_one_by_one_or_all() {
        let options = Options::parse("skip=A, B;error=true").unwrap();
        assert!(options.skips("A") && options.skips("B") && !options.skips("C") && options.are_errors);
        assert!(Options::parse("skip=all").unwrap().skips("C"));
        assert!(Options::parse("experimental=C").unwrap().tries("C"));
        for wrong in ["skip", "error=maybe", "other=A"] {
            assert!(Options::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_comment_may_say_why_after_the_rules() {
        assert!(of_comment("check=skip=A because it is so").unwrap().skips("A"));
        assert_eq!(of_comment("checked=yes"), None);
    }
}
