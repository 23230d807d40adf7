//! One file of an application and all that it imports, made by esbuild.
//!
//! ```text
//! lock files ── packages ──┬─ those that cannot be bundled ─┐
//!                          └────────────────────────────────┴─ bundle ── beside the file that it is made of
//! ```
//!
//! Only the last step looks at the application's code, so that a changed line costs one run of esbuild. The bundle lies
//! beside its first file, because code finds templates and other files by where it is itself. Running TypeScript with
//! a loader lost: each start would compile everything again.

mod esbuild;
mod sources;

pub(super) use sources::packages;

use coracle_spec::manifest::ModuleFormat;
use coracle_spec::revision::Network;

use super::install::Install;
use super::package::Package;
use super::runtime::Runtime;
use super::{FRAMEWORK, OWN, scan};
use crate::context::Context;
use crate::draft::{APP, Draft, build_environment};
use crate::error::PlanError;
use crate::op::{Capture, Input, Op, Run};
use crate::step::StepId;

/// Chooses the packages that stay out.
const CHOOSER: &str = include_str!("bundle/external.mjs");

/// Bundles without them.
const BUNDLER: &str = include_str!("bundle/bundle.sh");

/// What ES modules lack and packages that are none ask for (Node's documentation, "module.createRequire").
const REQUIRE: &str = "import { createRequire as coracleRequire } from 'node:module'; \
                       globalThis.require ??= coracleRequire(import.meta.url);";

/// One file made of an application.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bundle {
    /// The file that it begins with.
    entry: String,
    format: ModuleFormat,
    output: String,
}

/// What a bundle is made in and of.
pub(super) struct Surroundings<'a> {
    pub(super) runtime: &'a Runtime,
    /// The root that commands run in.
    pub(super) root: Vec<StepId>,
    /// The installed packages, and how they were.
    pub(super) packages: Option<(StepId, &'a Install)>,
    pub(super) framework: Framework,
}

/// Which Functions Framework loads the bundle. It is not in the bundle: handlers register with the one that loads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framework {
    /// None: the application listens by itself.
    None,
    /// The one that the author depends on.
    Authors,
    /// The one that is added.
    Added,
}

impl Framework {
    /// Tells which one.
    pub(super) fn of(is_handler: bool, is_added: bool) -> Self {
        match (is_handler, is_added) {
            (false, _) => Self::None,
            (true, false) => Self::Authors,
            (true, true) => Self::Added,
        }
    }
}

impl Bundle {
    /// Chooses the kind of module that the bundle of `entry` is; `code` is what is in it.
    ///
    /// An ES module stays one: it may wait at its top, and asks for other parts of packages.
    pub(super) fn choose(context: Context<'_>, package: &Package, entry: &str, code: &str) -> Self {
        let (stem, suffix) = entry.rsplit_once('.').unwrap_or((entry, ""));
        let is_module = match suffix {
            "mts" | "mjs" => true,
            "cts" | "cjs" => false,
            _ => package.is_module() || scan::awaits_at_top(code),
        };
        let found = if is_module {
            ModuleFormat::Esm
        } else {
            ModuleFormat::Cjs
        };
        let format = context.manifest.build.node.format.unwrap_or(found);
        let suffix = match format {
            ModuleFormat::Cjs => "cjs",
            ModuleFormat::Esm => "mjs",
        };
        Self {
            entry: entry.to_owned(),
            format,
            output: format!("{stem}.bundle.{suffix}"),
        }
    }

    /// Answers the path of the bundle, from the folder's top.
    pub(super) fn output(&self) -> &str {
        &self.output
    }

    /// Adds the steps that make the bundle, and the packages that it leaves out, to the image.
    pub(super) fn layers(
        &self,
        context: Context<'_>,
        around: &Surroundings<'_>,
        draft: &mut Draft,
    ) -> Result<(), PlanError> {
        let esbuild = draft.step(
            "esbuild",
            format!("fetch esbuild {}", esbuild::VERSION),
            esbuild::fetch(context.target.host),
        );
        let mut root = around.root.clone();
        root.push(esbuild);
        let mut chosen = None;
        if let Some((packages, install)) = &around.packages {
            root.push(packages.clone());
            let op = external(context, around, (root.clone(), install))?;
            root.push(draft.layer("external", "choose what stays out of the bundle", op));
            chosen = install.modules().into_iter().next();
        }
        draft.application_without(context, super::is_source_of_build)?;
        let run = self.run(context, around, (root, chosen));
        draft.layer("bundle", format!("bundle `{}`", self.entry), Op::Run(run));
        Ok(())
    }

    fn run(
        &self,
        context: Context<'_>,
        around: &Surroundings<'_>,
        (root, modules): (Vec<StepId>, Option<String>),
    ) -> Run {
        let program = format!("{OWN}/bundle.sh");
        let mut inputs = vec![Input::Source {
            files: sources::files(context),
            to: APP.to_owned(),
        }];
        let mut env = build_environment([]);
        let mut command = match modules {
            None => vec!["esbuild".to_owned()],
            Some(modules) => {
                env.insert("MODULES".to_owned(), modules);
                inputs.push(Input::Text {
                    contents: BUNDLER.to_owned(),
                    to: program.clone(),
                });
                vec!["sh".to_owned(), program]
            }
        };
        command.extend(self.words(context, around));
        Run {
            root,
            command,
            env,
            workdir: APP.to_owned(),
            inputs,
            caches: Vec::new(),
            network: Network::None,
            capture: vec![Capture {
                path: APP.to_owned(),
                exclude: vec!["node_modules/**".to_owned()],
            }],
        }
    }

    /// Answers what esbuild is told (esbuild's documentation, "API").
    fn words(&self, context: Context<'_>, around: &Surroundings<'_>) -> Vec<String> {
        let node = &context.manifest.build.node;
        let mut words = vec![
            self.entry.clone(),
            "--bundle".to_owned(),
            "--platform=node".to_owned(),
            format!("--target=node{}", around.runtime.major()),
            format!("--outfile={}", self.output),
            "--keep-names".to_owned(),
            "--loader:.node=copy".to_owned(),
            "--log-level=warning".to_owned(),
        ];
        words.extend(match self.format {
            ModuleFormat::Cjs => vec!["--format=cjs".to_owned()],
            ModuleFormat::Esm => vec!["--format=esm".to_owned(), format!("--banner:js={REQUIRE}")],
        });
        if has_source_maps(context) {
            words.extend(["--sourcemap=linked", "--sources-content=false"].map(str::to_owned));
        }
        words.extend(node.tsconfig.iter().map(|file| format!("--tsconfig={file}")));
        words.extend((around.framework != Framework::None).then(|| format!("--external:{FRAMEWORK}")));
        words.extend(node.external.iter().map(|name| format!("--external:{name}")));
        words
    }
}

/// Answers the operation that chooses the packages that the bundle leaves out.
fn external(
    context: Context<'_>,
    around: &Surroundings<'_>,
    (root, install): (Vec<StepId>, &Install),
) -> Result<Op, PlanError> {
    let program = format!("{OWN}/external.mjs");
    let framework = (around.framework == Framework::Authors).then(|| FRAMEWORK.to_owned());
    let named = context
        .manifest
        .build
        .node
        .external
        .iter()
        .cloned()
        .chain(framework);
    let what = serde_json::json!({
        "imports": sources::imports(context)?,
        "external": named.collect::<Vec<_>>(),
        "modules": install.modules(),
    });
    let capture = install.modules().into_iter().map(|path| Capture {
        path,
        exclude: Vec::new(),
    });
    Ok(Op::Run(Run {
        root,
        command: vec!["node".to_owned(), program.clone(), what.to_string()],
        env: build_environment([]),
        workdir: APP.to_owned(),
        inputs: vec![Input::Text {
            contents: CHOOSER.to_owned(),
            to: program,
        }],
        caches: Vec::new(),
        network: Network::None,
        capture: capture.collect(),
    }))
}

/// Answers whether stack traces name lines of the source.
pub(super) fn has_source_maps(context: Context<'_>) -> bool {
    context.manifest.build.node.source_maps != Some(false)
}
