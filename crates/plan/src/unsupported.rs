//! Keys of the manifest that are read, and that nothing acts on yet. Using one is an error, never ignored.

use coracle_spec::Manifest;
use coracle_spec::manifest::{Base, BuildType, FunctionKind, Signature};

use crate::error::PlanError;

/// A key, and whether a manifest uses it for something that cannot be done.
type Rule = (&'static str, fn(&Manifest) -> bool);

/// What nothing acts on, however the image is made.
const ALWAYS: &[Rule] = &[
    ("kind", |m| m.kind != FunctionKind::Function),
    ("options", |m| !m.options.is_empty()),
    ("signature", |m| m.signature == Some(Signature::Lambda)),
    ("image", |m| m.image.is_some()),
    ("retry", |m| m.given().place("retry").is_some()),
    ("schedule", |m| !m.schedule.is_empty()),
    ("links", |m| !m.links.is_empty()),
    ("build.type", |m| m.build.kind == BuildType::Buildpacks),
    ("build.builder", |m| m.build.builder.is_some()),
    ("build.buildpacks", |m| !m.build.buildpacks.is_empty()),
    ("build.java", |m| m.given().place("build.java").is_some()),
    ("build.rust", |m| m.given().place("build.rust").is_some()),
    ("build.exclude_dependencies", |m| {
        !m.build.exclude_dependencies.is_empty()
    }),
    ("build.commands", |m| !m.build.commands.is_empty()),
    ("build.path", |m| {
        m.build.path.is_some() && m.build.kind != BuildType::Artifact
    }),
    ("build.base", |m| m.build.base != Base::Debian),
];

/// What only a Dockerfile has.
const OF_DOCKERFILES: &[Rule] = &[
    ("build.args", |m| !m.build.args.is_empty()),
    ("build.secrets", |m| !m.build.secrets.is_empty()),
    ("build.context", |m| {
        m.build.context.as_deref().is_some_and(|path| path != ".")
    }),
    ("build.file", |m| m.build.file.is_some()),
    ("build.target", |m| m.build.target.is_some()),
];

/// What needs a server that Coracle adds.
const HANDLERS: &[Rule] = &[("signature", |m| {
    !matches!(m.signature, None | Some(Signature::Server))
})];

/// What a Dockerfile says itself.
const NOT_OF_DOCKERFILES: [&str; 10] = [
    "runtime",
    "build.entry",
    "build.handler",
    "build.include",
    "build.exclude",
    "build.base",
    "build.packages",
    "build.python",
    "build.node",
    "build.go",
];

/// Refuses what nothing acts on when an image is made of a language's source or of what was built before.
pub(crate) fn check(manifest: &Manifest) -> Result<(), PlanError> {
    refuse_unsupported(manifest)?;
    match used(manifest, OF_DOCKERFILES) {
        None => Ok(()),
        Some(key) => Err(PlanError::Misplaced {
            key: placed(manifest, key),
            to: "without a Dockerfile",
            instead: "add `type: dockerfile` beside it, or leave it out",
        }),
    }
}

/// Refuses what nothing acts on when an image is made by a Dockerfile.
pub(crate) fn check_for_dockerfile(manifest: &Manifest) -> Result<(), PlanError> {
    refuse_unsupported(manifest)?;
    let is_given = |key: &&str| manifest.given().place(key).is_some();
    let given = NOT_OF_DOCKERFILES.iter().copied().find(is_given);
    match given.or_else(|| used(manifest, HANDLERS)) {
        None => Ok(()),
        Some(key) => Err(PlanError::Misplaced {
            key: placed(manifest, key),
            to: "to the build of a Dockerfile",
            instead: "say it in the Dockerfile, and leave the key out",
        }),
    }
}

fn refuse_unsupported(manifest: &Manifest) -> Result<(), PlanError> {
    if manifest.build.kind == BuildType::Image {
        return Err(PlanError::Misplaced {
            key: placed(manifest, "build.type"),
            to: "to a build: the image is taken as it is",
            instead: "`coracle up` and `coracle deploy` run it, `coracle image pull` only fetches it",
        });
    }
    match used(manifest, ALWAYS) {
        None => Ok(()),
        Some(key) => Err(PlanError::NotYet {
            what: format!("{} with this value", placed(manifest, key)),
            instead: "leave the key out".to_owned(),
        }),
    }
}

fn used(manifest: &Manifest, rules: &[Rule]) -> Option<&'static str> {
    let (key, _) = rules.iter().find(|(_, is_used)| is_used(manifest))?;
    Some(key)
}

fn placed(manifest: &Manifest, key: &str) -> String {
    let place = manifest.given().place(key);
    let place = place.map(|place| format!("{place}: ")).unwrap_or_default();
    format!("{place}`{key}`")
}
