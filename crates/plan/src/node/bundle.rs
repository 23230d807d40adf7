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

use coracle_spec::manifest::ModuleFormat;
use coracle_spec::revision::Network;

use super::dependencies::Install;
use super::package::Package;
use super::runtime::Runtime;
use super::{FRAMEWORK, OWN, detect, scan, tools};
use crate::context::Context;
use crate::draft::{APP, Draft, build_environment};
use crate::error::PlanError;
use crate::op::{Capture, Fetch, Input, Op, Registry, Run, Unpack, Version};
use crate::step::StepId;
use crate::target::Arch;

const VERSION: &str = "0.28.2";
const INTEGRITY_AMD64: &str =
    "sha512-4xTZr1FUmSoQW4XIWmit3tzQrUTZM+N3P0XV8xROKYF50XfI7xeO90+1bZvNwxIufQ9hDQVRJH5YhgPVF8A/HQ==";
const INTEGRITY_ARM64: &str =
    "sha512-pW4AC0P3it8c7do9MVM4p51FzHzdM/TZrerurgRcHJ2WTa1VQ1CIq18xncfpBJw4ojkiZZrKW2yIBWBP92j6Ug==";

/// Chooses the packages that stay out.
const CHOOSER: &str = include_str!("bundle/external.mjs");

/// Bundles without them.
const BUNDLER: &str = include_str!("bundle/bundle.sh");

/// What ES modules lack and packages that are none ask for (Node's documentation, "module.createRequire").
const REQUIRE: &str = "import { createRequire as coracleRequire } from 'node:module'; \
                       globalThis.require ??= coracleRequire(import.meta.url);";

/// Suffixes of files that a bundle may be made of.
const BUNDLED: [&str; 12] = [
    ".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json", ".txt", ".css", ".node",
];

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
        around: Surroundings<'_>,
        draft: &mut Draft,
    ) -> Result<(), PlanError> {
        let esbuild = draft.step(
            "esbuild",
            format!("fetch esbuild {VERSION}"),
            fetch(context.target.host),
        );
        let mut root = around.root.clone();
        root.push(esbuild);
        let mut chosen = None;
        if let Some((packages, install)) = &around.packages {
            root.push(packages.clone());
            let op = self.external(context, &around, (root.clone(), install))?;
            root.push(draft.layer("external", "choose what stays out of the bundle", op));
            chosen = install.modules().into_iter().next();
        }
        draft.application_without(context, super::is_source_of_build)?;
        let run = self.run(context, &around, (root, chosen));
        draft.layer("bundle", format!("bundle `{}`", self.entry), Op::Run(run));
        Ok(())
    }

    /// Answers the operation that chooses the packages that the bundle leaves out.
    fn external(
        &self,
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
            "imports": imports(context)?,
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

    fn run(
        &self,
        context: Context<'_>,
        around: &Surroundings<'_>,
        (root, modules): (Vec<StepId>, Option<String>),
    ) -> Run {
        let program = format!("{OWN}/bundle.sh");
        let mut inputs = vec![Input::Source {
            files: sources(context),
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

/// Answers whether stack traces name lines of the source.
pub(super) fn has_source_maps(context: Context<'_>) -> bool {
    context.manifest.build.node.source_maps != Some(false)
}

fn fetch(host: Arch) -> Op {
    let package = format!("@esbuild/linux-{}", host.npm());
    let integrity = match host {
        Arch::Amd64 => INTEGRITY_AMD64,
        Arch::Arm64 => INTEGRITY_ARM64,
    };
    Op::Fetch(Fetch {
        registry: Registry::Npm,
        version: Version::Exact {
            version: VERSION.to_owned(),
            integrity: integrity.to_owned(),
            path: tools::archive(&package, VERSION),
        },
        package,
        unpack: vec![Unpack {
            from: "bin/esbuild".to_owned(),
            to: "/usr/local/bin/esbuild".to_owned(),
        }],
    })
}

/// Answers the files that a bundle may be made of.
fn sources(context: Context<'_>) -> Vec<String> {
    let paths = context.source.entries().iter().map(|entry| entry.path.as_str());
    let is_bundled = |path: &&str| BUNDLED.iter().any(|suffix| path.ends_with(suffix)) && !is_lock(path);
    paths.filter(is_bundled).map(str::to_owned).collect()
}

fn is_lock(path: &str) -> bool {
    path.ends_with("package-lock.json") || path.ends_with("npm-shrinkwrap.json")
}

/// Answers the names of the packages that the application's code imports, without the parts of them.
pub(super) fn packages(context: Context<'_>) -> Result<Vec<String>, PlanError> {
    let name = |import: &String| {
        let parts = if import.starts_with('@') { 2 } else { 1 };
        import.split('/').take(parts).collect::<Vec<_>>().join("/")
    };
    Ok(imports(context)?.iter().map(name).collect())
}

/// Answers what the application's code imports of packages.
fn imports(context: Context<'_>) -> Result<Vec<String>, PlanError> {
    let mut found = std::collections::BTreeSet::new();
    for path in sources(context).iter().filter(|path| detect::is_source(path)) {
        let bytes = context.source.read(path)?.unwrap_or_default();
        let code = scan::without_comments(&String::from_utf8_lossy(&bytes));
        found.extend(scan::imports(&code));
    }
    Ok(found.into_iter().collect())
}
