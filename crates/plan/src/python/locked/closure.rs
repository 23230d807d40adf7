//! What a list of dependencies leads to, and when: the walk from the project to every package it needs.
//!
//! Lock files of older managers say of no package which group it is for. What is reached only through a condition
//! carries it; what is reached in several ways carries all of them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::name;

/// The most ways to one package that are told apart; past that it is installed whatever its conditions are.
const MOST_WAYS: usize = 16;

/// A dependency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edge {
    /// The normalised name of what is needed.
    pub(super) name: String,
    /// Which of its extras.
    pub(super) extras: BTreeSet<String>,
    /// When.
    pub(super) marker: Option<String>,
}

impl Edge {
    /// Reads a requirement (PEP 508).
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (wanted, marker) = match line.split_once(';') {
            Some((wanted, marker)) => (
                wanted,
                Some(marker.trim().to_owned()).filter(|marker| !marker.is_empty()),
            ),
            None => (line, None),
        };
        let extras = wanted.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
        let extras = extras.map_or("", |(extras, _)| extras);
        Some(Self {
            name: name::of_requirement(wanted.trim())?,
            extras: extras
                .split(',')
                .filter(|extra| !extra.trim().is_empty())
                .map(name::normalised)
                .collect(),
            marker,
        })
    }
}

/// The ways to a package: each a set of conditions that hold together. An empty set holds always.
type Ways = BTreeSet<BTreeSet<String>>;

/// When a package is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Needed {
    Never,
    Always,
    /// Where this marker holds.
    When(String),
}

/// Everything that a project needs.
#[derive(Debug, Default)]
pub(super) struct Closure {
    ways: BTreeMap<String, Ways>,
}

impl Closure {
    /// Walks from `roots` along the edges: the package that has it, the extra that adds it, if one does, and it.
    pub(super) fn of(roots: Vec<Edge>, edges: impl Iterator<Item = (String, Option<String>, Edge)>) -> Self {
        let mut from: BTreeMap<String, Vec<(Option<String>, Edge)>> = BTreeMap::new();
        for (package, extra, edge) in edges {
            from.entry(package).or_default().push((extra, edge));
        }
        let mut closure = Self::default();
        let mut waiting: VecDeque<(Edge, BTreeSet<String>)> =
            roots.into_iter().map(|edge| (edge, BTreeSet::new())).collect();
        let mut seen = BTreeSet::new();
        while let Some((edge, mut conditions)) = waiting.pop_front() {
            conditions.extend(edge.marker.clone());
            let conditions = closure.add(&edge.name, conditions);
            if !seen.insert((edge.name.clone(), edge.extras.clone(), conditions.clone())) {
                continue;
            }
            let next = from.get(&edge.name).into_iter().flatten();
            let wanted =
                |extra: &Option<String>| extra.as_ref().is_none_or(|extra| edge.extras.contains(extra));
            waiting.extend(
                next.filter(|(extra, _)| wanted(extra))
                    .map(|(_, next)| (next.clone(), conditions.clone())),
            );
        }
        closure
    }

    /// Answers the packages that are needed, whenever that is.
    pub(super) fn names(self) -> BTreeSet<String> {
        self.ways.into_keys().collect()
    }

    /// Answers when a package is needed.
    pub(super) fn needed(&self, package: &str) -> Needed {
        let Some(ways) = self.ways.get(package) else {
            return Needed::Never;
        };
        if ways.iter().any(BTreeSet::is_empty) {
            return Needed::Always;
        }
        let ways = ways.iter().map(|way| {
            let conditions: Vec<_> = way.iter().map(|marker| enclosed(marker)).collect();
            conditions.join(" and ")
        });
        Needed::When(ways.collect::<Vec<_>>().join(" or "))
    }

    /// Adds a way to a package, and answers it, or that which always holds when there are too many.
    fn add(&mut self, package: &str, conditions: BTreeSet<String>) -> BTreeSet<String> {
        let ways = self.ways.entry(package.to_owned()).or_default();
        let conditions = if ways.len() < MOST_WAYS {
            conditions
        } else {
            BTreeSet::new()
        };
        ways.insert(conditions.clone());
        conditions
    }
}

fn enclosed(marker: &str) -> String {
    if marker.contains(" or ") {
        format!("({marker})")
    } else {
        marker.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closure(roots: &[&str], edges: &[(&str, Option<&str>, &str)]) -> Closure {
        Closure::of(
            roots.iter().filter_map(|line| Edge::parse(line)).collect(),
            edges.iter().filter_map(|(package, extra, line)| {
                Some((
                    (*package).to_owned(),
                    extra.map(str::to_owned),
                    Edge::parse(line)?,
                ))
            }),
        )
    }

    #[test]
    fn conditions_are_joined_along_each_way_and_over_all_of_them() {
        let closure = closure(
            &["a", "b ; x > '1'", "c[fast] ; y or z"],
            &[
                ("a", None, "d ; w"),
                ("b", None, "d"),
                ("b", None, "e ; v"),
                ("c", Some("fast"), "f"),
                ("c", Some("slow"), "g"),
                ("e", None, "b"),
                ("f", None, "a"),
            ],
        );
        assert_eq!(closure.needed("a"), Needed::Always);
        assert_eq!(closure.needed("f"), Needed::When("(y or z)".to_owned()));
        assert_eq!(closure.needed("g"), Needed::Never);
        for (package, ways) in [("b", ["x > '1'", "v and x > '1'"]), ("d", ["w", "x > '1'"])] {
            let Needed::When(marker) = closure.needed(package) else {
                panic!("{package}")
            };
            let found: Vec<_> = marker.split(" or ").collect();
            assert!(ways.iter().all(|way| found.contains(way)), "{marker}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_walk_ends(edges in proptest::collection::vec(("[a-e]", "[a-e]", "[xyz]?"), 0..40)) {
            let lines: Vec<_> = edges
                .iter()
                .map(|(from, to, marker)| (from.clone(), format!("{to} ; {marker}")))
                .collect();
            let all = Closure::of(
                vec![Edge::parse("a").unwrap()],
                lines.iter().filter_map(|(from, line)| Some((from.clone(), None, Edge::parse(line)?))),
            );
            proptest::prop_assert_eq!(all.needed("a"), Needed::Always);
        }
    }
}
