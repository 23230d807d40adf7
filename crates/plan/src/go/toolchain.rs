//! Go itself: which release, and where it comes from.

use super::application::{Application, Kind};
use super::framework;
use super::project::Project;
use crate::context::Context;
use crate::draft::Draft;
use crate::error::PlanError;
use crate::op::{Fetch, Op, Registry, Unpack};

/// Where Go is in a build.
pub(super) const FOLDER: &str = "/usr/local/go";

/// The oldest Go that builds: it was the first to have `toolchain` and to read `go` as a requirement. Modules of
/// older ones build with it as they did.
const OLDEST: Number = [1, 21, 0];

/// What an error says can be asked for.
const AVAILABLE: &str = "releases by their numbers, such as 1.26 for its newest patch, or 1.26.3";

/// A release's number: 1.26.3.
type Number = [u32; 3];

/// Answers which release is asked for: what `build.go.version` says, else the newest patch of the release that the
/// modules ask for.
pub(super) fn choose(
    context: Context<'_>,
    project: &Project,
    application: &Application,
    draft: &mut Draft,
) -> Result<String, PlanError> {
    let required = required(project, application)?;
    let Some(version) = context.manifest.build.go.version.as_deref() else {
        let (file, asked) = preferred(project, application)?;
        let asked = number(&asked).unwrap_or(OLDEST).max(OLDEST);
        let [major, minor, _] = required.map_or(asked, |(_, required)| required.max(asked));
        if !file.is_empty() {
            draft
                .why
                .push(format!("`{file}` asks for Go {}.{}", asked[0], asked[1]));
        }
        return Ok(format!("{major}.{minor}"));
    };
    let version = version.trim_start_matches("go");
    let asked = number(version).ok_or_else(|| PlanError::Version {
        language: "Go",
        version: version.to_owned(),
        available: AVAILABLE,
    })?;
    match required {
        Some((file, [major, minor, patch])) if !reaches(version, asked, [major, minor, patch]) => {
            Err(PlanError::Dependencies {
                message: format!(
                    "{file} requires Go {major}.{minor}.{patch}, and `build.go.version` asks for {version}"
                ),
                instead: "ask for a newer one, or leave the key out".to_owned(),
            })
        }
        _ => Ok(version.to_owned()),
    }
}

/// A request without a patch means the newest one, which may be new enough.
fn reaches(version: &str, asked: Number, required: Number) -> bool {
    match version.split('.').count() {
        0 | 1 => true,
        2 => asked[1] >= required[1],
        _ => asked >= required,
    }
}

/// Answers the oldest Go that all that is compiled accepts, and what says so.
fn required(project: &Project, application: &Application) -> Result<Option<(String, Number)>, PlanError> {
    let module = project.module_of(&application.folder)?;
    let files = [Some(&module.file), project.workspace.as_ref()]
        .into_iter()
        .flatten();
    let stated = files.filter_map(|file| Some((format!("`{}`", file.file), number(file.go.as_deref()?)?)));
    let framework = matches!(application.kind, Kind::Handler(_))
        .then(|| ("the Functions Framework".to_owned(), framework::GO));
    Ok(stated.chain(framework).max_by_key(|(_, number)| *number))
}

/// Answers the Go that the modules are developed with, and the file that says so.
fn preferred(project: &Project, application: &Application) -> Result<(String, String), PlanError> {
    let module = &project.module_of(&application.folder)?.file;
    let files = project.workspace.iter().chain([module]);
    let found = files
        .clone()
        .find_map(|file| Some((file, file.toolchain.as_deref()?.strip_prefix("go")?)));
    let found = found.or_else(|| files.clone().find_map(|file| Some((file, file.go.as_deref()?))));
    Ok(found.map_or_else(Default::default, |(file, version)| {
        (file.file.clone(), version.to_owned())
    }))
}

/// Reads `1.26`, `1.26.3`, `1.26rc1` or `1`.
fn number(text: &str) -> Option<Number> {
    let mut number = [0; 3];
    let mut parts = text.split('.');
    for (place, part) in number.iter_mut().zip(parts.by_ref()) {
        let digits = part
            .find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(part.len());
        let is_candidate =
            ["", "rc", "beta"].contains(&part[digits..].trim_end_matches(|l: char| l.is_ascii_digit()));
        *place = is_candidate.then(|| part[..digits].parse().ok())??;
    }
    parts.next().is_none().then_some(number)
}

/// Answers the operation that brings the release.
pub(super) fn fetch(context: Context<'_>, request: &str) -> Op {
    let package = format!("go-linux-{}", context.target.host.name());
    let version = context.newest(&package, request);
    let unpack = ["VERSION", "bin/go", "go.env", "pkg", "src"].map(|part| Unpack {
        from: part.to_owned(),
        to: format!("{FOLDER}/{part}"),
    });
    Op::Fetch(Fetch {
        registry: Registry::Go,
        package,
        version,
        unpack: unpack.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_go_writes_them() {
        for (text, version) in [
            ("1.26", Some([1, 26, 0])),
            ("1.26.3", Some([1, 26, 3])),
            ("1.26rc1", Some([1, 26, 0])),
            ("1", Some([1, 0, 0])),
            ("1.x", None),
            ("latest", None),
            ("1.2.3.4", None),
            ("", None),
        ] {
            assert_eq!(number(text), version, "{text}");
        }
    }

    #[test]
    fn a_request_for_the_newest_patch_reaches_what_one_for_a_patch_may_not() {
        assert!(reaches("1.26", [1, 26, 0], [1, 26, 5]));
        assert!(!reaches("1.26.4", [1, 26, 4], [1, 26, 5]));
        assert!(!reaches("1.25", [1, 25, 0], [1, 26, 0]));
        assert!(reaches("1", [1, 0, 0], [1, 26, 0]));
    }
}
