//! What the checks of a Dockerfile warn of.

use std::fmt;

/// A warning: which rule, and the first line that it is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Warning {
    /// The first line that it is about.
    pub line: usize,
    /// The rule's name, as `StageNameCasing`.
    pub rule: String,
}

impl Warning {
    /// Reads a warning as the program says it: `` `Dockerfile`, line 3: … (StageNameCasing) ``.
    pub fn said(sentence: &str) -> Option<Self> {
        let (_, rest) = sentence.split_once("`, line ")?;
        let (line, rest) = rest.split_once(": ")?;
        let (_, rule) = rest.strip_suffix(')')?.rsplit_once('(')?;
        Some(Self {
            line: line.parse().ok()?,
            rule: rule.to_owned(),
        })
    }
}

/// As it is recorded.
impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "warning {} line {}", self.rule, self.line)
    }
}
