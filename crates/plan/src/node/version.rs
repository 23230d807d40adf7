//! Which version of Node is asked for.

use super::package::Package;
use super::range::{self, Interval, Triple};
use crate::context::Context;
use crate::draft::Draft;
use crate::error::PlanError;

/// Debian's version. Security updates of the distribution keep its number.
pub(super) const DEBIAN: Triple = (20, 19, 2);

/// Majors that the carrier has, the preferred first: the newest with long-term support.
const CARRIED: [u64; 4] = [24, 22, 26, 25];

const AVAILABLE: &str = "20 (Debian's), 22, 24, 25 and 26";

/// Names of long-term support lines (Node release schedule) that `.nvmrc` may hold.
const NAMED: [(&str, &str); 6] = [
    ("lts/iron", "20"),
    ("lts/jod", "22"),
    ("lts/krypton", "24"),
    ("lts/*", "24"),
    ("node", "26"),
    ("stable", "26"),
];

/// A version of Node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Debian's.
    Debian,
    /// The newest of the carrier that starts so: `24`, `24.3`, `24.3.1`.
    Carried(String),
}

/// Files that name one version, the first that is there.
const FILES: [&str; 3] = [".nvmrc", ".node-version", ".tool-versions"];

/// Chooses what `build.node.version` asks for, else a file like `.nvmrc`, else `volta` or `engines` in `package.json`,
/// else Debian's.
pub(super) fn choose(
    context: Context<'_>,
    package: &Package,
    draft: &mut Draft,
) -> Result<Wanted, PlanError> {
    if let Some(version) = context.manifest.build.node.version.as_deref() {
        return exact(version, draft).ok_or_else(|| unavailable(version));
    }
    for file in FILES {
        let text = context.text(file)?.unwrap_or_default();
        if let Some(version) = named(file, &text) {
            return asked(file, version, draft);
        }
    }
    if let Some(version) = package.volta() {
        return asked("package.json", version, draft);
    }
    match package.node() {
        Some(wanted) => of_range(wanted, draft),
        None => Ok(Wanted::Debian),
    }
}

fn asked(file: &str, version: &str, draft: &mut Draft) -> Result<Wanted, PlanError> {
    draft.why.push(format!("`{file}` asks for Node {version}"));
    exact(version, draft).ok_or_else(|| unavailable(version))
}

/// Answers the version that a file names. `.tool-versions` names tools of all kinds, one a line (asdf's documentation,
/// "Configuration").
fn named<'t>(file: &str, text: &'t str) -> Option<&'t str> {
    if file != ".tool-versions" {
        return text
            .lines()
            .map(str::trim)
            .find(|line| !line.is_empty() && !line.starts_with('#'));
    }
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let tool = words.next()?;
        words.next().filter(|_| matches!(tool, "nodejs" | "node"))
    })
}

fn exact(version: &str, draft: &mut Draft) -> Option<Wanted> {
    let named = NAMED
        .iter()
        .find(|(name, _)| *name == version)
        .map(|(_, version)| *version);
    let version = named.unwrap_or(version).trim_start_matches('v');
    let mut parts = version.split('.');
    let major: u64 = parts.next()?.parse().ok()?;
    if !version.split('.').all(|part| part.parse::<u64>().is_ok()) {
        return None;
    }
    if major == DEBIAN.0 {
        if parts.next().is_some() {
            draft.warnings.push(format!(
                "Node {version} is asked for; Debian's {} is used",
                debian()
            ));
        }
        return Some(Wanted::Debian);
    }
    CARRIED
        .contains(&major)
        .then(|| Wanted::Carried(version.to_owned()))
}

fn of_range(text: &str, draft: &mut Draft) -> Result<Wanted, PlanError> {
    let Some(intervals) = range::parse(text) else {
        draft.warnings.push(format!(
            "`engines.node` (`{text}`) is not understood; Node {} is used",
            debian()
        ));
        return Ok(Wanted::Debian);
    };
    if intervals.iter().any(|interval| interval.contains(DEBIAN)) {
        return Ok(Wanted::Debian);
    }
    draft.why.push(format!("`package.json` asks for Node {text}"));
    let of_major = |major: u64| {
        intervals
            .iter()
            .map(|interval| interval.and(whole(major)))
            .find(|both| !both.is_empty())
    };
    let found = CARRIED.into_iter().find_map(|major| of_major(major).map(request));
    if found.is_none() && of_major(DEBIAN.0).is_some() {
        draft
            .warnings
            .push(format!("Node {text} is asked for; Debian's {} is used", debian()));
        return Ok(Wanted::Debian);
    }
    found.map(Wanted::Carried).ok_or_else(|| unavailable(text))
}

fn whole(major: u64) -> Interval {
    Interval {
        from: (major, 0, 0),
        to: (major + 1, 0, 0),
    }
}

/// The longest start that all versions of an interval, or its newest ones, have in common.
fn request(Interval { from, to }: Interval) -> String {
    if to.1 == 0 && to.2 == 0 {
        from.0.to_string()
    } else if to.2 == 0 {
        format!("{}.{}", to.0, to.1 - 1)
    } else {
        format!("{}.{}.{}", to.0, to.1, to.2 - 1)
    }
}

/// Answers Debian's version as text.
pub(super) fn debian() -> String {
    let (major, minor, patch) = DEBIAN;
    format!("{major}.{minor}.{patch}")
}

fn unavailable(version: &str) -> PlanError {
    PlanError::Version {
        language: "Node",
        version: version.to_owned(),
        available: AVAILABLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carried(version: &str) -> Wanted {
        Wanted::Carried(version.to_owned())
    }

    #[test]
    fn ranges_choose_debian_where_they_can_and_the_best_carried_one_else() {
        for (range, wanted) in [
            (">=18", Wanted::Debian),
            ("20", Wanted::Debian),
            ("^20.20.0", Wanted::Debian),
            (">=22", carried("24")),
            ("^22.3.0", carried("22")),
            ("~22.11", carried("22.11")),
            ("22.11.0", carried("22.11.0")),
            (">=26", carried("26")),
            ("<24.5 >=24", carried("24.4")),
            ("nonsense", Wanted::Debian),
        ] {
            assert_eq!(of_range(range, &mut Draft::default()).unwrap(), wanted, "{range}");
        }
        assert!(of_range("16", &mut Draft::default()).is_err());
    }

    #[test]
    fn files_of_version_managers_name_a_version() {
        assert_eq!(named(".nvmrc", "# ours\n v24.3 \n"), Some("v24.3"));
        assert_eq!(
            named(".tool-versions", "python 3.13\nnodejs 22.1.0 20\n"),
            Some("22.1.0")
        );
        assert_eq!(named(".tool-versions", "python 3.13\n"), None);
    }

    #[test]
    fn versions_are_taken_as_written_and_by_name() {
        for (version, wanted) in [
            ("v24.3.0", Some(carried("24.3.0"))),
            ("lts/*", Some(carried("24"))),
            ("lts/iron", Some(Wanted::Debian)),
            ("20.1.0", Some(Wanted::Debian)),
            ("16", None),
            ("24.x", None),
        ] {
            assert_eq!(exact(version, &mut Draft::default()), wanted, "{version}");
        }
    }
}
