//! Whether a folder is built from a Dockerfile, and from which.

use coracle_spec::Manifest;
use coracle_spec::manifest::BuildType;

use crate::error::PlanError;
use crate::foreign;
use crate::source::Source;
use crate::unsupported;

/// The Dockerfile of a folder that names none.
pub const FILE_NAME: &str = "Dockerfile";

/// That a folder is built from a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The folder that its instructions copy from, seen from the manifest's.
    pub context: String,
    /// The Dockerfile, seen from the context.
    pub file: String,
    /// How that was found, a sentence for people.
    pub why: String,
}

/// Answers whether a folder is built from a Dockerfile: because the manifest says so, or because there is one at the top
/// and the manifest says neither `build` nor `runtime`.
///
/// # Errors
/// The manifest has keys that mean nothing to such a build, or the folder says in another form what it is.
pub fn chosen(source: &dyn Source, manifest: &Manifest) -> Result<Option<Choice>, PlanError> {
    let Some(why) = why(source, manifest) else {
        return Ok(None);
    };
    unsupported::check_for_dockerfile(manifest)?;
    foreign::check(source, manifest)?;
    let or = |path: &Option<String>, usual: &str| path.clone().unwrap_or_else(|| usual.to_owned());
    Ok(Some(Choice {
        context: or(&manifest.build.context, "."),
        file: or(&manifest.build.file, FILE_NAME),
        why,
    }))
}

fn why(source: &dyn Source, manifest: &Manifest) -> Option<String> {
    if manifest.build.kind == BuildType::Dockerfile {
        let place = manifest.given().place("build.type").unwrap_or_default();
        return Some(format!("{place} says `build.type: dockerfile`"));
    }
    let is_free = ["build", "runtime"]
        .iter()
        .all(|key| manifest.given().place(key).is_none());
    (is_free && manifest.runtime.is_none() && source.contains(FILE_NAME))
        .then(|| format!("there is a `{FILE_NAME}`, and no `coracle.yaml` that says otherwise"))
}
