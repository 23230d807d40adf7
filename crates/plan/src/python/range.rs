//! Ranges of Python's versions: specifiers (PEP 440) as `requires-python` has them, and what Poetry adds to them
//! (Poetry documentation, "Dependency specification": `^`, `~`, `||`).

/// A version's first three numbers.
pub(super) type Triple = [u64; 3];

/// More patch releases than any minor version ever had.
const MOST_PATCHES: u64 = 64;

/// Versions that are asked for: alternatives of conditions that hold together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range(Vec<Vec<Condition>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    comparison: Comparison,
    /// The numbers as they are written, one to three.
    version: Vec<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    AtLeast,
    AtMost,
    Above,
    Below,
    Equal,
    Unequal,
    /// Equal in the numbers that are written.
    Begins,
    BeginsNot,
}

/// Longer ones first, as they begin with shorter ones.
const COMPARISONS: [(&str, Comparison); 8] = [
    ("===", Comparison::Equal),
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    ("==", Comparison::Equal),
    ("!=", Comparison::Unequal),
    (">", Comparison::Above),
    ("<", Comparison::Below),
    ("=", Comparison::Equal),
];

impl Range {
    /// Reads a range; nothing when it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let alternatives = text.split("||").map(|alternative| {
            let parts = alternative
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty() && *part != "*");
            let conditions: Option<Vec<_>> = parts.map(conditions).collect();
            Some(conditions?.into_iter().flatten().collect())
        });
        alternatives.collect::<Option<Vec<_>>>().map(Self)
    }

    /// Answers whether a version is in the range.
    pub(super) fn allows(&self, version: Triple) -> bool {
        let holds = |conditions: &Vec<Condition>| conditions.iter().all(|condition| condition.holds(version));
        self.0.iter().any(holds)
    }

    /// Answers whether any release of a minor version is in the range.
    pub(super) fn allows_some(&self, [major, minor]: [u64; 2]) -> bool {
        (0..MOST_PATCHES).any(|patch| self.allows([major, minor, patch]))
    }

    /// Answers the environment marker that says the same (PEP 508).
    pub(super) fn marker(&self) -> String {
        let alternatives: Vec<String> = self
            .0
            .iter()
            .map(|conditions| {
                let markers: Vec<_> = conditions.iter().map(Condition::marker).collect();
                markers.join(" and ")
            })
            .collect();
        match alternatives.as_slice() {
            [one] => one.clone(),
            several if several.iter().any(String::is_empty) => String::new(),
            several => format!("({})", several.join(" or ")),
        }
    }
}

/// Answers the conditions that one specifier stands for.
fn conditions(text: &str) -> Option<Vec<Condition>> {
    if let Some(rest) = text.strip_prefix("~=") {
        let (version, _) = numbers(rest)?;
        let end = version.len().checked_sub(2)?;
        return Some(until(version.clone(), end));
    }
    if let Some(rest) = text.strip_prefix('^') {
        let (version, _) = numbers(rest)?;
        return Some(until(version, 0));
    }
    if let Some(rest) = text.strip_prefix('~') {
        let (version, _) = numbers(rest)?;
        let end = usize::from(version.len() > 1);
        return Some(until(version, end));
    }
    let found = COMPARISONS
        .iter()
        .find_map(|(sign, comparison)| Some((text.strip_prefix(sign)?, *comparison)));
    let (rest, comparison) = found.unwrap_or((text, Comparison::Equal));
    let (version, is_open) = numbers(rest)?;
    let comparison = match (comparison, is_open) {
        (Comparison::Equal, true) => Comparison::Begins,
        (Comparison::Unequal, true) => Comparison::BeginsNot,
        (comparison, _) => comparison,
    };
    Some(vec![Condition { comparison, version }])
}

/// From a version up to, and without, the next one in the number at `end`.
fn until(version: Vec<u64>, end: usize) -> Vec<Condition> {
    let mut next: Vec<u64> = version.iter().take(end + 1).copied().collect();
    if let Some(last) = next.last_mut() {
        *last += 1;
    }
    vec![
        Condition {
            comparison: Comparison::AtLeast,
            version,
        },
        Condition {
            comparison: Comparison::Below,
            version: next,
        },
    ]
}

/// Answers the numbers of a version, and whether it leaves the rest open (`3.11.*`). What marks a release as early is
/// left out.
pub(super) fn numbers(text: &str) -> Option<(Vec<u64>, bool)> {
    let mut numbers = Vec::new();
    for part in text.trim().split('.') {
        if part == "*" {
            return (!numbers.is_empty()).then_some((numbers, true));
        }
        let digits = part
            .find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(part.len());
        numbers.push(part[..digits].parse::<u32>().ok()?.into());
        if digits < part.len() {
            break;
        }
    }
    (numbers.len() <= 4).then_some((numbers, false))
}

impl Condition {
    fn holds(&self, version: Triple) -> bool {
        let own = padded(&self.version);
        let begins = version.iter().zip(&self.version).all(|(one, other)| one == other);
        match self.comparison {
            Comparison::AtLeast => version >= own,
            Comparison::AtMost => version <= own,
            Comparison::Above => version > own,
            Comparison::Below => version < own,
            Comparison::Equal => version == own,
            Comparison::Unequal => version != own,
            Comparison::Begins => begins,
            Comparison::BeginsNot => !begins,
        }
    }

    fn marker(&self) -> String {
        let (sign, open) = match self.comparison {
            Comparison::AtLeast => (">=", ""),
            Comparison::AtMost => ("<=", ""),
            Comparison::Above => (">", ""),
            Comparison::Below => ("<", ""),
            Comparison::Equal => ("==", ""),
            Comparison::Unequal => ("!=", ""),
            Comparison::Begins => ("==", ".*"),
            Comparison::BeginsNot => ("!=", ".*"),
        };
        let version: Vec<_> = self.version.iter().map(ToString::to_string).collect();
        format!("python_full_version {sign} '{}{open}'", version.join("."))
    }
}

fn padded(version: &[u64]) -> Triple {
    let number = |index: usize| version.get(index).copied().unwrap_or(0);
    [number(0), number(1), number(2)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_allow_what_they_say() {
        for (range, allowed, refused) in [
            (">=3.11", [3, 11, 0], [3, 10, 9]),
            (">=3.9,<3.13", [3, 12, 9], [3, 13, 0]),
            ("~=3.11", [3, 14, 0], [4, 0, 0]),
            ("~=3.11.2", [3, 11, 9], [3, 12, 0]),
            ("^3.11", [3, 13, 5], [3, 10, 0]),
            ("~3.11", [3, 11, 9], [3, 12, 0]),
            ("3.11.*", [3, 11, 4], [3, 12, 0]),
            ("==3.11.4", [3, 11, 4], [3, 11, 5]),
            ("!=3.12.*", [3, 11, 0], [3, 12, 4]),
            ("~2.7 || ^3.6", [3, 13, 0], [2, 6, 0]),
            (">3.10, <=3.12.1", [3, 12, 1], [3, 12, 2]),
            (">=3.14.0rc1", [3, 14, 0], [3, 13, 9]),
        ] {
            let range = Range::parse(range).unwrap();
            assert!(range.allows(allowed) && !range.allows(refused), "{range:?}");
        }
        assert!(Range::parse("*").unwrap().allows([2, 7, 0]));
        assert!(Range::parse(">=three").is_none() && Range::parse("~=3").is_none());
    }

    #[test]
    fn a_range_says_the_same_as_a_marker() {
        for (range, marker) in [
            ("<3.7", "python_full_version < '3.7'"),
            (
                "^3.11",
                "python_full_version >= '3.11' and python_full_version < '4'",
            ),
            (
                "3.9.* || >3.12",
                "(python_full_version == '3.9.*' or python_full_version > '3.12')",
            ),
            ("*", ""),
        ] {
            assert_eq!(Range::parse(range).unwrap().marker(), marker);
        }
    }

    proptest::proptest! {
        #[test]
        fn reading_ends_and_never_panics(text in "[0-9.*<>=~^!|, a-z]{0,40}") {
            if let Some(range) = Range::parse(&text) {
                let _ = (range.marker(), range.allows([3, 13, 5]), range.allows_some([3, 11]));
            }
        }
    }
}
