//! What the checks of a Dockerfile warn of.

/// A warning: which rule, and the first line that it is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Warning {
    /// The first line that it is about.
    pub line: usize,
    /// The rule's name, as `StageNameCasing`.
    pub rule: String,
}
