//! Which Python: the one that a Debian release has.

use crate::context::Context;
use crate::draft::Draft;
use crate::error::PlanError;

/// A Debian release and its Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Release {
    debian: &'static str,
    version: &'static str,
    recipe: &'static str,
}

/// The first is the default.
const RELEASES: [Release; 2] = [
    Release {
        debian: "trixie",
        version: "3.13",
        recipe: "python-3.13",
    },
    Release {
        debian: "bookworm",
        version: "3.11",
        recipe: "python-3.11",
    },
];

const AVAILABLE: &str = "3.13 (the default) and 3.11";

impl Release {
    /// Chooses what `build.python.version` asks for, else what `.python-version` does, else the default.
    ///
    /// A version of the manifest that there is not is an error; one of `.python-version`, which mostly says what
    /// a developer happens to use, is a warning.
    pub(super) fn choose(context: Context<'_>, draft: &mut Draft) -> Result<Self, PlanError> {
        if let Some(wanted) = context.manifest.build.python.version.as_deref() {
            return Self::find(wanted, draft).ok_or_else(|| unavailable(wanted));
        }
        let Some(text) = context.text(".python-version")? else {
            return Ok(RELEASES[0]);
        };
        let wanted = text
            .lines()
            .map(str::trim)
            .find(|line| !line.is_empty() && !line.starts_with('#'));
        let Some(wanted) = wanted else {
            return Ok(RELEASES[0]);
        };
        let found = Self::find(wanted, draft);
        if found.is_none() {
            let used = RELEASES[0].version;
            draft.warnings.push(format!(
                "`.python-version` asks for {wanted}, which is not available; {used} is used"
            ));
        }
        Ok(found.unwrap_or(RELEASES[0]))
    }

    fn find(wanted: &str, draft: &mut Draft) -> Option<Self> {
        let (minor, patch) = minor_and_patch(wanted);
        let release = RELEASES
            .into_iter()
            .find(|release| release.version == minor || minor == "3")?;
        if patch {
            let minor = release.version;
            draft.warnings.push(format!(
                "Python {wanted} is asked for; Debian's newest {minor} is used"
            ));
        }
        Some(release)
    }

    /// Answers the version: `3.13`.
    pub(super) fn version(self) -> &'static str {
        self.version
    }

    /// Answers the Debian release's name.
    pub(super) fn debian(self) -> &'static str {
        self.debian
    }

    /// Answers the name of the base.
    pub(super) fn recipe(self) -> &'static str {
        self.recipe
    }
}

fn minor_and_patch(wanted: &str) -> (String, bool) {
    let parts: Vec<_> = wanted.trim_start_matches('v').split('.').collect();
    (
        parts.iter().take(2).copied().collect::<Vec<_>>().join("."),
        parts.len() > 2,
    )
}

fn unavailable(wanted: &str) -> PlanError {
    PlanError::Version {
        language: "Python",
        version: wanted.to_owned(),
        available: AVAILABLE,
    }
}
