//! From a source tree to a plan: which runtime compiles it.

use coracle_spec::Manifest;

use crate::context::Context;
use crate::draft::Draft;
use crate::error::PlanError;
use crate::lock::Lock;
use crate::plan::Plan;
use crate::runtimes::{self, Language};
use crate::source::Source;
use crate::target::Target;
use crate::{binary, dockerfile, foreign, go, node, python, runnable, server, unsupported};

/// Compiles a source tree into a plan.
///
/// The manifest decides what it says; the rest is found in the tree. `lock` holds what earlier builds pinned and
/// may be empty; what it pins appears in the plan as exact versions. A folder that is built from a Dockerfile
/// ([`dockerfile::chosen`]) is an error: [`dockerfile::plan`] compiles it.
pub fn plan(
    source: &dyn Source,
    manifest: &Manifest,
    lock: &Lock,
    target: &Target,
) -> Result<Plan, PlanError> {
    let context = Context {
        source,
        manifest,
        lock,
        target,
    };
    if let Some(choice) = dockerfile::chosen(source, manifest)? {
        return Err(PlanError::OfDockerfile { file: choice.file });
    }
    unsupported::check(manifest)?;
    foreign::check(source, manifest)?;
    let mut draft = Draft::default();
    let plan = match runtime(context, &mut draft)? {
        Runtime::Binary => binary::plan(context, draft),
        Runtime::Go => go::plan(context, draft),
        Runtime::Node => node::plan(context, draft),
        Runtime::Python => python::plan(context, draft),
        Runtime::Server => server::plan(context, draft),
    }?;
    runnable::check(&plan, *target)?;
    Ok(plan)
}

enum Runtime {
    Binary,
    Go,
    Node,
    Python,
    Server,
}

fn runtime(context: Context<'_>, draft: &mut Draft) -> Result<Runtime, PlanError> {
    if binary::is_named(context) {
        let place = context.manifest.given().place("build.type").unwrap_or_default();
        draft.why.push(format!("{place} says `build.type: artifact`"));
        return Ok(Runtime::Binary);
    }
    let Some(name) = context.manifest.runtime.as_deref() else {
        return detect(context, draft);
    };
    let place = context.manifest.given().place("runtime").unwrap_or_default();
    draft.why.push(format!("{place} says `runtime: {name}`"));
    match runtimes::find(name).map(runtimes::Runtime::language) {
        Some(Language::Go) => Ok(Runtime::Go),
        Some(Language::Node) => Ok(Runtime::Node),
        Some(Language::Python) => Ok(Runtime::Python),
        None if name == server::NAME => Ok(Runtime::Server),
        None => Err(PlanError::UnknownRuntime {
            name: name.to_owned(),
        }),
    }
}

/// Says how the folder tells its runtime; the order is that of a folder with several signs.
fn detect(context: Context<'_>, draft: &mut Draft) -> Result<Runtime, PlanError> {
    let entry = context
        .manifest
        .build
        .entry
        .as_ref()
        .map(|entry| entry.file.as_str());
    if let Some(file) = entry {
        let language = node::is_source(file)
            .then_some(Runtime::Node)
            .or(go::is_source(file).then_some(Runtime::Go))
            .or(python::is_source(file).then_some(Runtime::Python));
        if let Some(runtime) = language {
            draft.why.push(format!("`build.entry` names `{file}`"));
            return Ok(runtime);
        }
    }
    let own_command = &context.manifest.revision.command;
    if let Some(sign) = go::is_module(context) {
        draft.why.push(format!("`{sign}` makes it a Go application"));
        Ok(Runtime::Go)
    } else if let Some(sign) = node::sign(context) {
        draft.why.push(format!("`{sign}` makes it a Node application"));
        Ok(Runtime::Node)
    } else if let Some(sign) = python::sign(context) {
        draft.why.push(format!("`{sign}` makes it a Python application"));
        Ok(Runtime::Python)
    } else if let Some(sign) = go::sign(context).or_else(|| go::nested_module(context)) {
        draft.why.push(format!("`{sign}` makes it a Go application"));
        Ok(Runtime::Go)
    } else if !own_command.is_empty() || !context.manifest.revision.entrypoint.is_empty() {
        draft
            .why
            .push("`command` says what starts, and nothing in the folder names a language".to_owned());
        Ok(Runtime::Server)
    } else if let Some(sign) = binary::sign(context) {
        draft.why.push(format!("`{sign}` is the folder's only program"));
        Ok(Runtime::Binary)
    } else {
        Err(PlanError::Undetected {
            looked_for: looked_for(),
        })
    }
}

fn looked_for() -> Vec<String> {
    [
        "`go.mod`",
        "`package.json`",
        "`requirements.txt`",
        "`pyproject.toml`",
        "`*.py`",
        "`*.js`",
        "`*.ts`",
        "`*.go`",
        "one program",
        "`command` in `coracle.yaml`",
    ]
    .map(str::to_owned)
    .into()
}
