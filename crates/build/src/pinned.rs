//! What a project's `coracle.lock` pins, for people: its bases and tools, how old they are, and what newer pins change.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use coracle_debian::{BaseLock, LockedSuite};
use coracle_plan::Lock;
use serde::Serialize;
use toml::Table;

use crate::error::BuildError;
use crate::lock_file;
use crate::steps::base::BaseError;

/// How old the packages of a base may be before a build says so: older than most security updates stay unnoticed.
const OLD: Duration = Duration::from_hours(24 * 60);

/// A base that a project's builds are pinned to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PinnedBase {
    /// Its recipe.
    pub name: String,
    /// The Debian release.
    pub release: String,
    /// The architecture of the packages.
    pub arch: String,
    /// How many packages it has.
    pub packages: usize,
    /// The size of the package files in bytes.
    pub download: u64,
    /// When the archive was as it is pinned: seconds since 1970-01-01 UTC.
    pub at: u64,
}

/// A tool that a project's builds are pinned to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PinnedTool {
    /// The package in its registry.
    pub name: String,
    /// What the project asks for.
    pub request: String,
    /// The version.
    pub version: String,
}

/// What a project's builds are pinned to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pins {
    /// The bases, by name.
    pub bases: Vec<PinnedBase>,
    /// The tools, by name.
    pub tools: Vec<PinnedTool>,
}

/// A package or tool that newer pins change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
    /// The base that it belongs to; `None` for a tool.
    pub base: Option<String>,
    /// The package or tool.
    pub name: String,
    /// The version that was pinned, if it was.
    pub from: Option<String>,
    /// The version that is pinned, if it still is.
    pub to: Option<String>,
}

impl Pins {
    /// Reads the lock file of the project in `folder`; nothing is pinned when there is none.
    pub fn of_project(folder: &Path) -> Result<Self, BuildError> {
        Self::of(&lock_file::read(folder)?)
    }

    pub(crate) fn of(lock: &Lock) -> Result<Self, BuildError> {
        let base = |(name, table): (&String, &Table)| Ok(PinnedBase::of(name, &parsed(name, table)?));
        let tools = lock.tools().map(|tool| PinnedTool {
            name: tool.name.clone(),
            request: tool.request.clone(),
            version: tool.version.clone(),
        });
        Ok(Self {
            bases: lock.bases().map(base).collect::<Result<_, BuildError>>()?,
            tools: tools.collect(),
        })
    }
}

impl PinnedBase {
    fn of(name: &str, lock: &BaseLock) -> Self {
        Self {
            name: name.to_owned(),
            release: lock.release.to_string(),
            arch: lock.arch.to_string(),
            packages: lock.shared.len() + lock.packages.len(),
            download: lock.download_size(),
            at: u64::try_from(lock.epoch().as_second()).unwrap_or(0),
        }
    }
}

/// Answers what `after` changes of `before`, sorted.
pub(crate) fn changes(before: &Lock, after: &Lock) -> Result<Vec<Change>, BuildError> {
    let (before, after) = (versions(before)?, versions(after)?);
    let mut changes: Vec<_> = before
        .iter()
        .map(|(key, from)| (key, Some(from), after.get(key)))
        .chain(
            after
                .iter()
                .filter(|(key, _)| !before.contains_key(*key))
                .map(|(key, to)| (key, None, Some(to))),
        )
        .filter(|(_, from, to)| from != to)
        .map(|((base, name), from, to)| Change {
            base: base.clone(),
            name: name.clone(),
            from: from.cloned(),
            to: to.cloned(),
        })
        .collect();
    changes.sort();
    Ok(changes)
}

/// The version of each package and tool, by its base and name.
type Versions = BTreeMap<(Option<String>, String), String>;

fn versions(lock: &Lock) -> Result<Versions, BuildError> {
    let mut versions = Versions::new();
    for tool in lock.tools() {
        versions.insert(
            (None, format!("{} {}", tool.name, tool.request)),
            tool.version.clone(),
        );
    }
    for (name, table) in lock.bases() {
        let base = parsed(name, table)?;
        for package in base.shared.into_iter().chain(base.packages) {
            let key = (Some(name.clone()), package.name);
            versions.insert(key, package.version.to_string());
        }
    }
    Ok(versions)
}

fn parsed(name: &str, table: &Table) -> Result<BaseLock, BuildError> {
    table.clone().try_into().map_err(|source| {
        BuildError::Base(BaseError::Lock {
            recipe: name.to_owned(),
            source,
        })
    })
}

/// Answers what to tell an author whose lock is old.
///
/// The age is that of the archive's own release files, which the lock names: a date of the locking itself would make two
/// equal locks differ.
pub(crate) fn warning(lock: &Lock, now: SystemTime) -> Option<String> {
    let oldest = lock.bases().filter_map(|(_, table)| published(table)).min()?;
    let age = now.duration_since(oldest).ok().filter(|age| *age > OLD)?;
    let days = age.as_secs() / (24 * 60 * 60);
    Some(format!(
        "the Debian packages that `coracle.lock` pins are of {days} days ago: `coracle base lock` pins newer ones"
    ))
}

/// Answers when the newest of a base's suites was published; nothing for a lock that makes no sense, which is somebody
/// else's to say.
fn published(base: &Table) -> Option<SystemTime> {
    let suites = base.get("suites")?.as_array()?;
    let date = |suite: &toml::Value| Some(suite.as_str()?.parse::<LockedSuite>().ok()?.date.as_second());
    let newest = suites.iter().filter_map(date).max()?;
    Some(UNIX_EPOCH + Duration::from_secs(u64::try_from(newest).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A lock with one base of one package, of `version`, as the archive was on `date`.
    fn lock(version: &str, date: &str) -> Lock {
        let hash = "0".repeat(64);
        let mut lock = Lock::default();
        let table = format!(
            r#"
            recipe = 1
            release = "trixie"
            arch = "amd64"
            kind = "runtime"
            roots = []
            suites = ["trixie 2026-01-01T00:00:00Z {hash} {hash}", "trixie-updates {date} {hash} {hash}"]
            shared = ["libc6 {version} main:pool/main/g/glibc/libc6.deb 10 {hash}"]
            packages = []
            "#
        );
        lock.put_base("python", toml::from_str(&table).unwrap());
        lock
    }

    fn days_after(date: &str, days: u64) -> SystemTime {
        published(lock("1", date).base("python").unwrap()).unwrap() + Duration::from_hours(24 * days)
    }

    #[test]
    fn a_lock_is_old_when_the_newest_of_its_suites_is() {
        let date = "2026-06-01T00:00:00Z";
        let young = lock("1", date);
        assert_eq!(warning(&young, days_after(date, 59)), None);
        assert_eq!(warning(&Lock::default(), days_after(date, 59)), None);
        let text = warning(&young, days_after(date, 61)).unwrap();
        assert!(
            text.contains("61 days") && text.contains("`coracle base lock`"),
            "{text}"
        );
        // A clock that is behind is no reason to warn.
        assert_eq!(warning(&young, UNIX_EPOCH), None);
    }

    #[test]
    fn changes_are_told_package_by_package() {
        let date = "2026-06-01T00:00:00Z";
        let (before, after) = (lock("2.41-1", date), lock("2.41-2", date));
        assert!(changes(&before, &before).unwrap().is_empty());
        let change = |from: Option<&str>, to: Option<&str>| Change {
            base: Some("python".to_owned()),
            name: "libc6".to_owned(),
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
        };
        for (from, to, expected) in [
            (&before, &after, change(Some("2.41-1"), Some("2.41-2"))),
            (&Lock::default(), &after, change(None, Some("2.41-2"))),
            (&before, &Lock::default(), change(Some("2.41-1"), None)),
        ] {
            assert_eq!(changes(from, to).unwrap(), [expected]);
        }
    }

    #[test]
    fn pins_are_told_with_the_date_of_the_archive() {
        let pins = Pins::of(&lock("2.41-1", "2026-06-01T00:00:00Z")).unwrap();
        let base = &pins.bases[0];
        assert_eq!(
            (base.packages, base.download, base.release.as_str()),
            (1, 10, "trixie")
        );
        assert_eq!(base.at, 1_780_272_000);
    }
}
