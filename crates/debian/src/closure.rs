//! Chooses the packages of a base: the roots and everything that they depend on.
//!
//! The search is greedy, breadth first, without backtracking: of an alternative it takes the first candidate,
//! and a conflict is an error. That resolves every closure this program asks for, and its answer can be
//! predicted from the recipe; a SAT solver finds more answers, in an order nobody can predict.

use std::collections::{HashMap, VecDeque};

use coracle_spec::{Class, Failure};

use crate::index::{Index, Package};
use crate::recipe::Omissions;
use crate::relation::Relation;

/// Why a set of packages cannot be installed together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClosureError {
    /// A package that was asked for does not exist in the release.
    #[error("there is no package `{name}` in this Debian release")]
    Unknown {
        /// The package.
        name: String,
    },
    /// Nothing in the release meets a dependency.
    #[error("package `{package}` needs `{dependency}`, which nothing in this Debian release meets")]
    Unmet {
        /// The package that has the dependency.
        package: String,
        /// The dependency, as its alternatives.
        dependency: String,
    },
    /// Two chosen packages exclude each other.
    #[error("packages `{package}` and `{other}` cannot be installed together")]
    Conflict {
        /// The package that excludes the other.
        package: String,
        /// The package that is excluded.
        other: String,
    },
}

impl Failure for ClosureError {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { .. } => Some("look for the name on packages.debian.org".to_owned()),
            Self::Unmet { .. } | Self::Conflict { .. } => Some(
                "ask for other packages; only the first candidate of each alternative is tried".to_owned(),
            ),
        }
    }
}

/// Answers the closure of `roots`, sorted by name. A dependency that `omissions` cover counts as met.
pub(crate) fn closure<'i>(
    index: &'i Index,
    roots: &[String],
    omissions: Omissions,
) -> Result<Vec<&'i Package>, ClosureError> {
    let mut search = Search {
        index,
        omissions,
        chosen: HashMap::new(),
        queue: VecDeque::new(),
    };
    for root in roots {
        let package = index
            .get(root)
            .ok_or_else(|| ClosureError::Unknown { name: root.clone() })?;
        search.choose(package);
    }
    while let Some(package) = search.queue.pop_front() {
        search.follow(package)?;
    }
    let mut chosen: Vec<_> = search.chosen.into_values().collect();
    chosen.sort_by(|a, b| a.name.cmp(&b.name));
    check_exclusions(&chosen)?;
    Ok(chosen)
}

struct Search<'i> {
    index: &'i Index,
    omissions: Omissions,
    chosen: HashMap<&'i str, &'i Package>,
    queue: VecDeque<&'i Package>,
}

impl<'i> Search<'i> {
    fn choose(&mut self, package: &'i Package) {
        if self.chosen.insert(&package.name, package).is_none() {
            self.queue.push_back(package);
        }
    }

    fn follow(&mut self, package: &'i Package) -> Result<(), ClosureError> {
        for group in package.dependencies() {
            if !self.is_met(package, &group) {
                let choice = self
                    .first_candidate(&group)
                    .ok_or_else(|| unmet(package, &group))?;
                self.choose(choice);
            }
        }
        Ok(())
    }

    fn is_met(&self, package: &Package, group: &[Relation<'_>]) -> bool {
        group.iter().any(|relation| {
            self.omissions.cover(&package.name, relation.name)
                || self
                    .index
                    .candidates(relation)
                    .iter()
                    .any(|candidate| self.chosen.contains_key(&*candidate.name))
        })
    }

    fn first_candidate(&self, group: &[Relation<'_>]) -> Option<&'i Package> {
        group
            .iter()
            .flat_map(|relation| self.index.candidates(relation))
            .find(|candidate| !self.omissions.is_dropped(&candidate.name))
    }
}

fn unmet(package: &Package, group: &[Relation<'_>]) -> ClosureError {
    let names: Vec<_> = group.iter().map(|relation| relation.name).collect();
    ClosureError::Unmet {
        package: package.name.to_string(),
        dependency: names.join(" | "),
    }
}

fn check_exclusions(chosen: &[&Package]) -> Result<(), ClosureError> {
    for package in chosen {
        for exclusion in package.exclusions() {
            let hit = chosen
                .iter()
                .find(|other| other.name != package.name && other.satisfies(&exclusion));
            if let Some(other) = hit {
                let (package, other) = (package.name.to_string(), other.name.to_string());
                return Err(ClosureError::Conflict { package, other });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::tests::index;
    use crate::recipe::Kind;

    const STANZAS: [&str; 12] = [
        "Package: app\nVersion: 1\nPre-Depends: libc (>= 2)\nDepends: awk, mailer | fallback, helper:any",
        "Package: libc\nVersion: 2.1\nBreaks: old (<< 2)",
        "Package: helper\nVersion: 1\nDepends: app | missing, shell, perl",
        "Package: mawk\nVersion: 1\nProvides: awk",
        "Package: postfix\nVersion: 1\nPriority: optional\nProvides: mailer\nConflicts: mailer",
        "Package: exim\nVersion: 1\nPriority: important\nProvides: mailer\nConflicts: mailer",
        "Package: dash\nVersion: 1\nPriority: required\nProvides: shell",
        "Package: broken\nVersion: 1\nDepends: libc (>= 3) | missing",
        "Package: old\nVersion: 1",
        "Package: wants-postfix\nVersion: 1\nDepends: postfix, app",
        "Package: both\nVersion: 1\nDepends: postfix, exim",
        "Package: ca-certificates\nVersion: 1\nDepends: openssl",
    ];

    fn names(roots: &[&str], kind: Kind) -> Result<Vec<String>, ClosureError> {
        let index = index(&STANZAS);
        let roots: Vec<_> = roots.iter().map(ToString::to_string).collect();
        let chosen = closure(&index, &roots, Omissions::of(kind))?;
        Ok(chosen.iter().map(|package| package.name.to_string()).collect())
    }

    #[test]
    fn the_closure_takes_first_candidates_and_leaves_dropped_names_out() {
        assert_eq!(
            names(&["app"], Kind::Runtime),
            Ok(["app", "dash", "exim", "helper", "libc"]
                .map(str::to_owned)
                .to_vec())
        );
        assert_eq!(
            names(&["app"], Kind::Builder),
            Ok(["app", "dash", "exim", "helper", "libc", "mawk"]
                .map(str::to_owned)
                .to_vec())
        );
    }

    #[test]
    fn a_trimmed_dependency_is_left_out_of_runtimes_only() {
        assert_eq!(
            names(&["ca-certificates"], Kind::Runtime),
            Ok(vec!["ca-certificates".to_owned()])
        );
        assert!(matches!(
            names(&["ca-certificates"], Kind::Builder),
            Err(ClosureError::Unmet { .. })
        ));
    }

    #[test]
    fn a_package_chosen_earlier_meets_a_later_alternative() {
        let chosen = names(&["wants-postfix"], Kind::Runtime).expect("resolves");
        assert!(
            chosen.contains(&"postfix".to_owned()) && !chosen.contains(&"exim".to_owned()),
            "{chosen:?}"
        );
    }

    #[test]
    fn what_cannot_be_resolved_is_named() {
        let failure = |roots: &[&str]| names(roots, Kind::Runtime).expect_err("does not resolve");
        assert_eq!(
            failure(&["nothing"]),
            ClosureError::Unknown {
                name: "nothing".to_owned()
            }
        );
        assert_eq!(
            failure(&["broken"]),
            ClosureError::Unmet {
                package: "broken".to_owned(),
                dependency: "libc | missing".to_owned()
            }
        );
        assert!(matches!(failure(&["old", "libc"]), ClosureError::Conflict { .. }));
        assert!(matches!(failure(&["both"]), ClosureError::Conflict { .. }));
    }
}
