//! Dependency fields: `libc6 (>= 2.38), awk | mawk, python3:any` (Debian Policy §7.1).

use std::cmp::Ordering;

use crate::version::Version;

/// One package that a dependency names, with the versions that fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Relation<'a> {
    pub(crate) name: &'a str,
    pub(crate) bound: Option<Bound>,
}

/// What a version is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bound {
    operator: Operator,
    version: Version,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Earlier,
    EarlierOrEqual,
    Equal,
    LaterOrEqual,
    Later,
}

/// Answers the groups of a dependency field; a group is met by any of its alternatives.
pub(crate) fn groups(field: &str) -> impl Iterator<Item = Vec<Relation<'_>>> {
    field
        .split(',')
        .map(alternatives)
        .filter(|group| !group.is_empty())
}

/// Answers the single relations of a field without alternatives (`Provides`, `Conflicts`, `Breaks`).
pub(crate) fn list(field: &str) -> impl Iterator<Item = Relation<'_>> {
    field.split(',').filter_map(Relation::parse)
}

fn alternatives(group: &str) -> Vec<Relation<'_>> {
    group.split('|').filter_map(Relation::parse).collect()
}

impl<'a> Relation<'a> {
    /// Reads one relation; architecture qualifiers are dropped, since an index holds one architecture.
    fn parse(text: &'a str) -> Option<Self> {
        let (name, bound) = match text.split_once('(') {
            Some((name, bound)) => (name, Some(Bound::parse(bound.split(')').next()?)?)),
            None => (text, None),
        };
        let name = name.split(['[', '<']).next()?.trim();
        let name = name.split(':').next()?.trim();
        (!name.is_empty()).then_some(Self { name, bound })
    }

    /// Answers whether `version` of the package itself fits.
    pub(crate) fn admits(&self, version: &Version) -> bool {
        self.bound.as_ref().is_none_or(|bound| bound.admits(version))
    }

    /// Answers whether a package that provides the name, perhaps in a version, fits: a relation with a version
    /// is met only by a provider with one (Debian Policy §7.5).
    pub(crate) fn admits_provided(&self, version: Option<&Version>) -> bool {
        match (&self.bound, version) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(bound), Some(version)) => bound.admits(version),
        }
    }

    /// Answers the version that a `Provides` entry states.
    pub(crate) fn provided_version(&self) -> Option<&Version> {
        self.bound.as_ref().map(|bound| &bound.version)
    }
}

impl Bound {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let end = text.find(|letter: char| !matches!(letter, '<' | '>' | '='))?;
        let operator = match &text[..end] {
            "<<" => Operator::Earlier,
            "<=" | "<" => Operator::EarlierOrEqual,
            "=" => Operator::Equal,
            ">=" | ">" => Operator::LaterOrEqual,
            ">>" => Operator::Later,
            _ => return None,
        };
        Some(Self {
            operator,
            version: Version::new(text[end..].trim()),
        })
    }

    fn admits(&self, version: &Version) -> bool {
        let order = version.cmp(&self.version);
        match self.operator {
            Operator::Earlier => order == Ordering::Less,
            Operator::EarlierOrEqual => order != Ordering::Greater,
            Operator::Equal => order == Ordering::Equal,
            Operator::LaterOrEqual => order != Ordering::Less,
            Operator::Later => order == Ordering::Greater,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_field_reads_as_groups_of_alternatives() {
        let field = "libc6 (>= 2.38), debconf (>= 0.5) | debconf-2.0, python3:any, x [amd64] <!nocheck>,";
        let names: Vec<Vec<_>> = groups(field)
            .map(|group| group.iter().map(|relation| relation.name).collect())
            .collect();
        assert_eq!(
            names,
            [
                vec!["libc6"],
                vec!["debconf", "debconf-2.0"],
                vec!["python3"],
                vec!["x"]
            ]
        );
        assert_eq!(groups(" ").count(), 0);
    }

    #[test]
    fn bounds_admit_the_versions_they_name() {
        for (relation, fitting, unfitting) in [
            ("a (<< 2)", vec!["1", "2~rc1"], vec!["2", "3"]),
            ("a (<= 2)", vec!["1", "2"], vec!["2.1"]),
            ("a (= 2)", vec!["2"], vec!["1", "2-1"]),
            ("a (>= 2)", vec!["2", "3"], vec!["2~"]),
            ("a (>> 2)", vec!["2.0", "3"], vec!["2"]),
            ("a", vec!["0", "9"], vec![]),
        ] {
            let relation = Relation::parse(relation).expect("parses");
            for version in fitting {
                assert!(relation.admits(&Version::new(version)), "{relation:?} {version}");
            }
            for version in unfitting {
                assert!(!relation.admits(&Version::new(version)), "{relation:?} {version}");
            }
        }
    }

    #[test]
    fn a_provider_without_a_version_meets_no_relation_with_one() {
        let versioned = Relation::parse("a (>= 1)").expect("parses");
        assert!(!versioned.admits_provided(None));
        assert!(versioned.admits_provided(Some(&Version::new("1.5"))));
        assert!(Relation::parse("a").expect("parses").admits_provided(None));
    }
}
