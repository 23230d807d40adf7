//! Which Python: the one that a Debian release has.
//!
//! Debian's testing release would have newer ones. It lost: what it has changes every few days, so that what a lock
//! file pins is soon gone, its signatures are valid for a week only, and security updates come late.

use super::pyproject;
use super::range::{self, Range, Triple};
use crate::context::Context;
use crate::draft::Draft;
use crate::error::PlanError;

/// A Debian release and its Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Release {
    debian: &'static str,
    /// Security updates of the distribution keep the number.
    python: Triple,
    version: &'static str,
    recipe: &'static str,
    /// The version of the C library, as platforms of wheels have it (PEP 600).
    glibc: &'static str,
}

/// The first is the default.
const RELEASES: [Release; 2] = [
    Release {
        debian: "trixie",
        python: [3, 13, 5],
        version: "3.13",
        recipe: "python-3.13",
        // It is 2.41; uv knows platforms up to 2.40.
        glibc: "2_40",
    },
    Release {
        debian: "bookworm",
        python: [3, 11, 2],
        version: "3.11",
        recipe: "python-3.11",
        glibc: "2_36",
    },
];

const AVAILABLE: &str = "3.13 (the default) and 3.11";

/// What somebody asks for, and where: for people.
struct Wanted {
    place: &'static str,
    text: String,
}

impl Release {
    /// Chooses what `build.python.version` asks for, else `.python-version`, else what the project says that it runs
    /// on, else the default.
    pub(super) fn choose(context: Context<'_>, draft: &mut Draft) -> Result<Self, PlanError> {
        if let Some(text) = context.manifest.build.python.version.clone() {
            let place = "`build.python.version`";
            return Self::named(&Wanted { place, text }, draft);
        }
        if let Some(text) = pinned(context)? {
            let place = "`.python-version`";
            return Self::named(&Wanted { place, text }, draft);
        }
        match of_project(context)? {
            Some(wanted) => Self::of_range(&wanted, draft),
            None => Ok(RELEASES[0]),
        }
    }

    /// Finds the release for a version: `3`, `3.11`, `3.11.4`, or a range.
    fn named(wanted: &Wanted, draft: &mut Draft) -> Result<Self, PlanError> {
        let Some((version, _)) = range::numbers(&wanted.text) else {
            return Self::of_range(wanted, draft);
        };
        let begins = |release: &Release| {
            release
                .python
                .iter()
                .take(2)
                .zip(&version)
                .all(|(one, other)| one == other)
        };
        let release = RELEASES
            .into_iter()
            .find(begins)
            .ok_or_else(|| unavailable(wanted))?;
        if wanted.place.starts_with("`.") {
            draft
                .why
                .push(format!("{} asks for Python {}", wanted.place, wanted.text));
        }
        if version.len() > 2 && version != release.python {
            draft.warnings.push(release.instead_of(wanted));
        }
        Ok(release)
    }

    fn of_range(wanted: &Wanted, draft: &mut Draft) -> Result<Self, PlanError> {
        let Some(range) = Range::parse(&wanted.text) else {
            draft.warnings.push(format!(
                "{} (`{}`) is not understood; Python {} is used",
                wanted.place, wanted.text, RELEASES[0].version
            ));
            return Ok(RELEASES[0]);
        };
        if let Some(release) = RELEASES.into_iter().find(|release| range.allows(release.python)) {
            if release != RELEASES[0] {
                draft
                    .why
                    .push(format!("{} asks for Python {}", wanted.place, wanted.text));
            }
            return Ok(release);
        }
        let near = |release: &Release| range.allows_some([release.python[0], release.python[1]]);
        let release = RELEASES
            .into_iter()
            .find(near)
            .ok_or_else(|| unavailable(wanted))?;
        draft.warnings.push(release.instead_of(wanted));
        Ok(release)
    }

    fn instead_of(self, wanted: &Wanted) -> String {
        let [major, minor, patch] = self.python;
        format!(
            "{} asks for Python {}; Debian's {major}.{minor}.{patch} is used",
            wanted.place, wanted.text
        )
    }

    /// Answers the version: `3.13`.
    pub(super) fn version(self) -> &'static str {
        self.version
    }

    /// Answers the Debian release's name.
    pub(super) fn debian(self) -> &'static str {
        self.debian
    }

    /// Answers the newest C library that wheels may ask for: `2_36`.
    pub(super) fn glibc(self) -> &'static str {
        self.glibc
    }

    /// Answers the name of the base.
    pub(super) fn recipe(self) -> &'static str {
        self.recipe
    }
}

/// Answers what `.python-version` asks for (pyenv documentation, "Choosing the Python version"): nothing when it leaves
/// that to the machine.
fn pinned(context: Context<'_>) -> Result<Option<String>, PlanError> {
    let Some(text) = context.text(".python-version")? else {
        return Ok(None);
    };
    let mut lines = text.lines().map(str::trim);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#') && *line != "system");
    let without_name = |line: &str| {
        let prefixes = ["cpython@", "cpython-", "python-", "v"];
        let rest = prefixes.iter().find_map(|prefix| line.strip_prefix(prefix));
        rest.unwrap_or(line).to_owned()
    };
    Ok(first.map(without_name))
}

/// Answers the versions that the project says that it runs on.
fn of_project(context: Context<'_>) -> Result<Option<Wanted>, PlanError> {
    if let Some(project) = pyproject::read(context)? {
        let poetry = || project.poetry()?.get("python")?.as_str();
        if let Some(text) = project.requires_python().or_else(poetry) {
            return Ok(Some(Wanted {
                place: "`pyproject.toml`",
                text: text.to_owned(),
            }));
        }
    }
    let Some(text) = context.text("Pipfile")? else {
        return Ok(None);
    };
    let pipfile: toml::Table = pyproject::parse("Pipfile", &text)?;
    let requires = |key: &str| pipfile.get("requires")?.get(key)?.as_str();
    let version = requires("python_full_version").or_else(|| requires("python_version"));
    Ok(version.map(|version| Wanted {
        place: "`Pipfile`",
        text: if version.matches('.').count() < 2 {
            format!("{version}.*")
        } else {
            format!("=={version}")
        },
    }))
}

fn unavailable(wanted: &Wanted) -> PlanError {
    PlanError::Version {
        language: "Python",
        version: format!("{} (asked for by {})", wanted.text, wanted.place),
        available: AVAILABLE,
    }
}
