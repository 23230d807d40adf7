//! Ranges of versions as `engines` writes them (npm's semver documentation, "Ranges").

/// A version without a pre-release part.
pub(super) type Triple = (u64, u64, u64);

/// The versions from one to below another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) from: Triple,
    pub(super) to: Triple,
}

const LOWEST: Triple = (0, 0, 0);
const HIGHEST: Triple = (u64::MAX, 0, 0);

impl Interval {
    /// Answers whether `version` lies within.
    pub(super) fn contains(self, version: Triple) -> bool {
        self.from <= version && version < self.to
    }

    /// Answers what this and another have in common.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            from: self.from.max(other.from),
            to: self.to.min(other.to),
        }
    }

    /// Answers whether no version lies within.
    pub(super) fn is_empty(self) -> bool {
        self.to <= self.from
    }
}

/// Answers the intervals of a range, and nothing when it is not understood.
pub(super) fn parse(range: &str) -> Option<Vec<Interval>> {
    range.split("||").map(alternative).collect()
}

/// Answers the interval in which all comparators of an alternative hold; no version may meet it.
fn alternative(text: &str) -> Option<Interval> {
    if let Some((low, high)) = text.split_once(" - ") {
        return Some(Interval {
            from: partial(low)?.from,
            to: partial(high)?.to,
        });
    }
    let intervals: Option<Vec<_>> = comparators(text)
        .iter()
        .map(|text| comparator_interval(text))
        .collect();
    Some(intervals?.into_iter().fold(everything(), Interval::and))
}

/// Operators may stand apart from their versions: `>= 18`.
fn comparators(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match words.last_mut() {
            Some(last) if last.ends_with(['<', '>', '=', '^', '~']) => last.push_str(word),
            _ => words.push(word.to_owned()),
        }
    }
    words
}

fn comparator_interval(text: &str) -> Option<Interval> {
    let operator_end = text
        .find(|letter: char| !"<>=^~".contains(letter))
        .unwrap_or(text.len());
    let (operator, version) = text.split_at(operator_end);
    let exact = partial(version)?;
    let (from, to) = match operator {
        "" | "=" => (exact.from, exact.to),
        ">=" => (exact.from, HIGHEST),
        ">" => (exact.to, HIGHEST),
        "<" => (LOWEST, exact.from),
        "<=" => (LOWEST, exact.to),
        "^" if exact.from.0 > 0 => (exact.from, (exact.from.0 + 1, 0, 0)),
        "^" | "~" | "~>" => (exact.from, exact.to.max((exact.from.0, exact.from.1 + 1, 0))),
        _ => return None,
    };
    Some(Interval { from, to })
}

/// `1`, `1.x`, `1.2`, `1.2.3`, `*`: the versions that start so.
fn partial(text: &str) -> Option<Interval> {
    let version = text
        .trim()
        .trim_start_matches('v')
        .split(['-', '+'])
        .next()
        .unwrap_or_default();
    let numbers: Option<Vec<u64>> = version
        .split('.')
        .take_while(|part| !matches!(*part, "" | "x" | "X" | "*"))
        .map(|part| part.parse().ok().filter(|number| *number < u64::from(u32::MAX)))
        .collect();
    Some(match numbers?.as_slice() {
        [] => everything(),
        [major] => Interval {
            from: (*major, 0, 0),
            to: (major + 1, 0, 0),
        },
        [major, minor] => Interval {
            from: (*major, *minor, 0),
            to: (*major, minor + 1, 0),
        },
        [major, minor, patch, ..] => Interval {
            from: (*major, *minor, *patch),
            to: (*major, *minor, patch + 1),
        },
    })
}

fn everything() -> Interval {
    Interval {
        from: LOWEST,
        to: HIGHEST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_allow_what_npm_says_they_allow() {
        for (range, allowed, refused) in [
            (">=18", &[(18, 0, 0), (24, 1, 0)][..], &[(17, 9, 9)][..]),
            (">= 18 < 21", &[(20, 19, 2)], &[(21, 0, 0)]),
            (
                "^20.17.0 || >=22.9.0",
                &[(20, 19, 2), (23, 0, 0)],
                &[(20, 16, 9), (22, 8, 9), (21, 0, 0)],
            ),
            ("20.x", &[(20, 0, 0)], &[(21, 0, 0), (19, 0, 0)]),
            ("20", &[(20, 19, 2)], &[(22, 0, 0)]),
            ("v22.11.0", &[(22, 11, 0)], &[(22, 11, 1)]),
            ("~22.11", &[(22, 11, 5)], &[(22, 12, 0)]),
            ("~22", &[(22, 12, 0)], &[(23, 0, 0)]),
            ("18 - 20", &[(20, 19, 2)], &[(21, 0, 0)]),
            ("<=22", &[(22, 99, 0)], &[(23, 0, 0)]),
            (">20", &[(21, 0, 0)], &[(20, 99, 0)]),
            ("*", &[(1, 0, 0)], &[]),
            ("", &[(1, 0, 0)], &[]),
            (">2 <1", &[], &[(1, 0, 0), (3, 0, 0)]),
        ] {
            let intervals = parse(range).unwrap_or_else(|| panic!("{range}"));
            let contains = |version: &Triple| intervals.iter().any(|interval| interval.contains(*version));
            assert!(allowed.iter().all(contains), "{range}");
            assert!(!refused.iter().any(contains), "{range}");
        }
        assert_eq!(parse("lts"), None);
    }

    proptest::proptest! {
        #[test]
        fn reading_never_panics(range in "[0-9.x*<>=~^| v-]{0,30}|.*") {
            let _ = parse(&range);
        }
    }
}
