//! How many of something, in a sentence.

use std::fmt;

/// A number and the singular of what it counts: `1 layer`, `2 layers`. The plural ends in `s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted<'a, N>(pub N, pub &'a str);

impl<N: fmt::Display + PartialEq + From<u8>> fmt::Display for Counted<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number, what) = self;
        let ending = if *number == N::from(1) { "" } else { "s" };
        write!(f, "{number} {what}{ending}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_told_without_a_plural() {
        let told = [0_u64, 1, 2].map(|number| Counted(number, "layer").to_string());
        assert_eq!(told, ["0 layers", "1 layer", "2 layers"]);
    }
}
