//! Keys of the manifest that are read, and that nothing acts on yet. Using one is an error, never ignored.

use coracle_spec::Manifest;
use coracle_spec::manifest::{Base, BuildType, FunctionKind, Signature};

use crate::context::Context;
use crate::error::PlanError;

/// A key, and whether a manifest uses it for something that cannot be done.
type Rule = (&'static str, fn(&Manifest) -> bool);

const RULES: &[Rule] = &[
    ("kind", |m| m.kind != FunctionKind::Function),
    ("options", |m| !m.options.is_empty()),
    ("signature", |m| m.signature == Some(Signature::Lambda)),
    ("image", |m| m.image.is_some()),
    ("retry", |m| m.given().place("retry").is_some()),
    ("schedule", |m| !m.schedule.is_empty()),
    ("links", |m| !m.links.is_empty()),
    ("build.type", |m| {
        !matches!(m.build.kind, BuildType::Source | BuildType::Artifact)
    }),
    ("build.base", |m| m.build.base != Base::Debian),
    ("build.exclude_dependencies", |m| {
        !m.build.exclude_dependencies.is_empty()
    }),
    ("build.commands", |m| !m.build.commands.is_empty()),
    ("build.args", |m| !m.build.args.is_empty()),
    ("build.secrets", |m| !m.build.secrets.is_empty()),
    ("build.java", |m| m.given().place("build.java").is_some()),
    ("build.rust", |m| m.given().place("build.rust").is_some()),
    ("build.context", |m| {
        m.build.context.as_deref().is_some_and(|path| path != ".")
    }),
    ("build.file", |m| m.build.file.is_some()),
    ("build.target", |m| m.build.target.is_some()),
    ("build.builder", |m| m.build.builder.is_some()),
    ("build.buildpacks", |m| !m.build.buildpacks.is_empty()),
    ("build.path", |m| {
        m.build.path.is_some() && m.build.kind != BuildType::Artifact
    }),
];

/// Refuses what nothing acts on yet.
pub(crate) fn check(context: Context<'_>) -> Result<(), PlanError> {
    match RULES.iter().find(|(_, is_used)| is_used(context.manifest)) {
        Some((key, _)) => Err(refused(context.manifest, key)),
        None => Ok(()),
    }
}

fn refused(manifest: &Manifest, key: &str) -> PlanError {
    let place = manifest
        .given()
        .place(key)
        .map(|place| format!("{place}: "))
        .unwrap_or_default();
    PlanError::NotYet {
        what: format!("{place}`{key}` with this value"),
        instead: "leave the key out".to_owned(),
    }
}
