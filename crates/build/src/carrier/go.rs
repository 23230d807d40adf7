//! Go itself: the toolchains of Go's module proxy.
//!
//! Each release is a module `golang.org/toolchain` there, one version a system (Go toolchains, "Module downloads").
//! So Go comes from where its modules come from, whatever mirror that is, and the public checksum database says what
//! is in it. Debian's Go lost: one version a release of the distribution, a year behind.

use std::collections::BTreeMap;

use coracle_content::Store;
use coracle_fetch::{FetchError, Fetcher};
use coracle_plan::Tool;

use super::CarrierError;
use crate::registries::Go;
use crate::steps::fetch;

/// What errors call it.
const REGISTRY: &str = "Go's module proxy";

/// The module.
const MODULE: &str = "golang.org/toolchain";

/// What all its versions start with.
const VERSION: &str = "v0.0.1-go";

/// What plans put before the system to name a toolchain: `go-linux-amd64`.
const NAME: &str = "go-";

/// The largest list of versions that is read.
const MOST_LIST: u64 = 4 << 20;

/// How many versions an error names.
const MOST_NAMED: usize = 6;

/// A release's number.
type Number = [u32; 3];

/// Finds the newest release of the toolchain `package` whose version starts with `request`, and what is in it.
pub(super) fn newest(
    (store, fetcher): (&Store, &Fetcher),
    go: &Go,
    package: &str,
    request: &str,
) -> Result<Tool, CarrierError> {
    let system = package.strip_prefix(NAME).unwrap_or(package);
    let list = list(fetcher, go.proxy(), package)?;
    let release = choose(package, system, request, &list)?;
    let version = format!("{VERSION}{release}.{system}");
    let tool = Tool {
        name: package.to_owned(),
        request: request.to_owned(),
        version: release.to_owned(),
        integrity: String::new(),
        path: format!("{MODULE}/@v/{version}.zip"),
    };
    let integrity = integrity((store, fetcher), go, &tool, &version)?;
    Ok(Tool { integrity, ..tool })
}

/// Answers what is in a release: what the checksum database says; without one, what the proxy gives now.
fn integrity(
    (store, fetcher): (&Store, &Fetcher),
    go: &Go,
    tool: &Tool,
    version: &str,
) -> Result<String, CarrierError> {
    let package = || format!("{} {}", tool.name, tool.version);
    match go.database(MODULE) {
        Some(database) => database
            .lookup(fetcher, go.proxy(), MODULE, version)
            .map_err(|source| CarrierError::Unchecked {
                package: package(),
                source,
            }),
        None => fetch::module_hash((store, fetcher), go.proxy(), tool).map_err(|source| CarrierError::Look {
            package: package(),
            source: Box::new(source),
        }),
    }
}

fn list(fetcher: &Fetcher, proxy: &str, package: &str) -> Result<String, CarrierError> {
    let failed = |source: FetchError| CarrierError::Ask {
        registry: REGISTRY,
        package: package.to_owned(),
        source: Box::new(source),
    };
    let list = fetcher
        .get(&format!("{proxy}/{MODULE}/@v/list"), MOST_LIST)
        .map_err(failed)?;
    Ok(String::from_utf8_lossy(&list).into_owned())
}

/// Answers the newest release in a list of versions that starts with `request`.
fn choose<'l>(package: &str, system: &str, request: &str, list: &'l str) -> Result<&'l str, CarrierError> {
    let suffix = format!(".{system}");
    let releases: BTreeMap<Number, &str> = list
        .lines()
        .filter_map(|line| line.strip_prefix(VERSION)?.strip_suffix(&suffix))
        .filter_map(|release| Some((number(release)?, release)))
        .collect();
    let wanted = releases
        .iter()
        .rev()
        .find(|(number, _)| starts_with(**number, request));
    wanted
        .map(|(_, release)| *release)
        .ok_or_else(|| CarrierError::NoVersion {
            package: package.to_owned(),
            request: request.to_owned(),
            available: newest_of_each_minor(&releases),
        })
}

/// Answers the number of a release; nothing for candidates (`1.26rc1`). Before Go 1.21, a zero at the end was left
/// out.
fn number(release: &str) -> Option<Number> {
    let mut number = [0; 3];
    let mut parts = release.split('.');
    for (place, part) in number.iter_mut().zip(parts.by_ref()) {
        *place = part.parse().ok()?;
    }
    parts.next().is_none().then_some(number)
}

fn starts_with(number: Number, request: &str) -> bool {
    let mut parts = number.iter();
    request
        .split('.')
        .all(|wanted| parts.next().is_some_and(|part| wanted == part.to_string()))
}

fn newest_of_each_minor(releases: &BTreeMap<Number, &str>) -> Vec<String> {
    let by_minor: BTreeMap<_, _> = releases
        .iter()
        .map(|(number, release)| ([number[0], number[1]], *release))
        .collect();
    let newest = by_minor.values().rev().take(MOST_NAMED);
    newest.map(|release| (*release).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use coracle_spec::Failure as _;

    use super::*;

    const LIST: &str = "v0.0.1-go1.26.9.linux-amd64\nv0.0.1-go1.26.10.linux-amd64\nv0.0.1-go1.26.11.linux-arm64\n\
        v0.0.1-go1.27rc1.linux-amd64\nv0.0.1-go1.20.linux-amd64\nv0.0.1-go1.27.0.linux-amd64\nnonsense\n";

    #[test]
    fn a_request_means_the_newest_release_for_the_system_that_starts_with_it() {
        for (request, release) in [
            ("1.26", "1.26.10"),
            ("1.26.9", "1.26.9"),
            ("1.20", "1.20"),
            ("1", "1.27.0"),
        ] {
            assert_eq!(
                choose("go", "linux-amd64", request, LIST).unwrap(),
                release,
                "{request}"
            );
        }
        assert_eq!(choose("go", "linux-arm64", "1", LIST).unwrap(), "1.26.11");
    }

    #[test]
    fn a_version_that_nobody_published_is_an_error_that_lists_those_that_can_be_had() {
        for request in ["1.2", "1.28", "1.27rc1", "1.26.9.1", "2", ""] {
            let error = choose("go", "linux-amd64", request, LIST).unwrap_err();
            assert_eq!(
                error.hint().unwrap(),
                "it can be had as 1.27.0, 1.26.10, 1.20",
                "{request}"
            );
        }
    }
}
