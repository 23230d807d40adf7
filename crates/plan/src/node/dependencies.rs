//! Installing packages with npm.

use coracle_spec::revision::Network;

use super::package::{FILE, Package};
use super::{OWN, lockfile, tools};
use crate::context::Context;
use crate::draft::{APP, Draft, build_environment};
use crate::error::PlanError;
use crate::op::{CacheMount, Capture, Input, Op, Run, Sharing};
use crate::step::StepId;

/// The Functions Framework with all that it depends on, for handlers that do not depend on it themselves.
const FRAMEWORK_PACKAGE: &str = include_str!("framework/package.json");
const FRAMEWORK_LOCK: &str = include_str!("framework/package-lock.json");

/// What the author's packages are installed from.
#[derive(Debug)]
pub(super) struct Install {
    files: Vec<String>,
    is_locked: bool,
}

/// Chooses how the author's dependencies are installed; without any, they are not.
pub(super) fn choose(
    context: Context<'_>,
    package: &Package,
    draft: &mut Draft,
) -> Result<Option<Install>, PlanError> {
    if !package.has_dependencies() {
        return Ok(None);
    }
    if package.workspaces.is_some() {
        let what = format!("`workspaces` in `{FILE}`");
        return Err(PlanError::NotYet {
            what,
            instead: "build the folder of one package".to_owned(),
        });
    }
    if let Some((name, path)) = package.dependencies.iter().find(|(_, version)| is_local(version)) {
        let what = format!("the local dependency `{name}` (`{path}`) in `{FILE}`");
        return Err(PlanError::NotYet {
            what,
            instead: "publish it, or move its files into the application".to_owned(),
        });
    }
    let lock = lockfile::find(context, package)?;
    if lock.is_none() {
        draft
            .warnings
            .push("unlocked: there is no `package-lock.json`, so builds may differ".to_owned());
    }
    let files = [
        Some(FILE),
        lock,
        context.source.contains(".npmrc").then_some(".npmrc"),
    ];
    let mut files: Vec<String> = files.into_iter().flatten().map(str::to_owned).collect();
    files.sort();
    Ok(Some(Install {
        files,
        is_locked: lock.is_some(),
    }))
}

fn is_local(version: &str) -> bool {
    ["file:", "link:", "workspace:", "./", "../", "/"]
        .iter()
        .any(|start| version.starts_with(start))
}

impl Install {
    /// Answers the operation.
    pub(super) fn op(self, root: Vec<StepId>) -> Op {
        let inputs = vec![Input::Source {
            files: self.files,
            to: APP.to_owned(),
        }];
        npm(if self.is_locked { "ci" } else { "install" }, APP, inputs, root)
    }
}

/// Answers the operation that installs the Functions Framework on its own.
pub(super) fn framework(root: Vec<StepId>) -> Op {
    let text = |name: &str, contents: &str| Input::Text {
        contents: contents.to_owned(),
        to: format!("{OWN}/{name}"),
    };
    npm(
        "ci",
        OWN,
        vec![
            text(FILE, FRAMEWORK_PACKAGE),
            text("package-lock.json", FRAMEWORK_LOCK),
        ],
        root,
    )
}

/// npm writes what it asked of which registry into a file of its own, which nothing reads at run time.
fn npm(verb: &str, folder: &str, inputs: Vec<Input>, root: Vec<StepId>) -> Op {
    let words = [verb, "--omit=dev", "--no-audit", "--no-fund"].map(str::to_owned);
    Op::Run(Run {
        root,
        command: tools::npm().into_iter().chain(words).collect(),
        env: build_environment([
            ("npm_config_cache", "/root/.npm"),
            ("npm_config_fetch_retries", "1"),
            ("npm_config_update_notifier", "false"),
        ]),
        workdir: folder.to_owned(),
        inputs,
        caches: vec![CacheMount {
            name: "npm".to_owned(),
            target: "/root/.npm".to_owned(),
            sharing: Sharing::Shared,
        }],
        network: Network::Egress,
        capture: vec![Capture {
            path: format!("{folder}/node_modules"),
            exclude: vec![".package-lock.json".to_owned(), ".cache/**".to_owned()],
        }],
    })
}
