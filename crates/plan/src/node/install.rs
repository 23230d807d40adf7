//! The commands that install packages: each manager's, and npm's for the Functions Framework.
//!
//! Installs are frozen when there is a lock file, leave out what only development needs unless the builder needs it,
//! and lay packages out as plain folders in `node_modules`, whatever the manager would do by itself: links into a
//! store would lead out of the image, and Plug'n'Play needs its own loader.

use std::collections::BTreeMap;

use coracle_spec::revision::Network;

use super::manager::{Chosen, Manager};
use super::package::FILE;
use super::tools::Installed;
use super::{OWN, foreign};
use crate::context::Context;
use crate::draft::{APP, build_environment};
use crate::op::{CacheMount, Capture, Input, Op, Run, Sharing};

/// The Functions Framework with all that it depends on, for handlers that do not depend on it themselves.
const FRAMEWORK_PACKAGE: &str = include_str!("framework/package.json");
const FRAMEWORK_LOCK: &str = include_str!("framework/package-lock.json");

/// What the author's packages are installed from.
#[derive(Debug, Clone)]
pub(super) struct Install {
    pub(super) chosen: Chosen,
    /// Which packages making the application needs.
    pub(super) scope: Scope,
    /// What the install reads, sorted.
    pub(super) files: Vec<String>,
    /// The folders that hold a package of the author's, besides the top.
    pub(super) packages: Vec<String>,
    /// Whether the author keeps archives of the packages in the folder.
    pub(super) has_offline_cache: bool,
}

/// Which packages are installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Those that the application needs when it runs, for the image's processors.
    Image,
    /// All, for the image's processors: what is bundled.
    Bundle,
    /// All, for the processors that build: the author's own build runs them.
    Build,
}

impl Install {
    /// Answers the operation.
    pub(super) fn op(&self, context: Context<'_>, installed: Installed, scope: Scope) -> Op {
        let mut inputs = vec![Input::Source {
            files: self.files.clone(),
            to: APP.to_owned(),
        }];
        let is_foreign = context.target.is_foreign() && scope != Scope::Build;
        inputs.extend(
            is_foreign
                .then(|| foreign::settings(context, self.chosen.manager))
                .flatten(),
        );
        let command = self.command(context, &installed.command, scope);
        Op::Run(Run {
            root: installed.root,
            command: if is_foreign {
                foreign::checked(context, command, &mut inputs)
            } else {
                command
            },
            env: self.environment(),
            workdir: APP.to_owned(),
            inputs,
            caches: vec![self.cache()],
            network: Network::Egress,
            capture: self.captures(),
        })
    }

    fn command(&self, context: Context<'_>, program: &[String], scope: Scope) -> Vec<String> {
        let is_locked = self.chosen.lock.is_some();
        let production = scope == Scope::Image;
        let words: &[&str] = match (self.chosen.manager, is_locked, production) {
            (Manager::Npm, true, true) => &["ci", "--omit=dev"],
            (Manager::Npm, true, false) => &["ci"],
            (Manager::Npm, false, true) => &["install", "--omit=dev"],
            (Manager::Npm, false, false) => &["install"],
            (Manager::Pnpm, true, true) => &["install", "--frozen-lockfile", "--prod"],
            (Manager::Pnpm, true, false) => &["install", "--frozen-lockfile"],
            (Manager::Pnpm, false, true) => &["install", "--no-frozen-lockfile", "--prod"],
            (Manager::Pnpm, false, false) => &["install", "--no-frozen-lockfile"],
            (Manager::Yarn, true, true) => &["install", "--frozen-lockfile", "--production=true"],
            (Manager::Yarn, true, false) => &["install", "--frozen-lockfile", "--production=false"],
            (Manager::Yarn, false, true) => &["install", "--pure-lockfile", "--production=true"],
            (Manager::Yarn, false, false) => &["install", "--pure-lockfile", "--production=false"],
            (Manager::Berry, true, false) => &["install", "--immutable"],
            (Manager::Berry, false, false) => &["install", "--no-immutable"],
            (Manager::Berry, is_locked, true) => return focused(program, is_locked),
        };
        let mut command = program.to_vec();
        command.extend(
            words
                .iter()
                .chain(common(self.chosen.manager))
                .map(|word| (*word).to_owned()),
        );
        if context.target.is_foreign() && scope != Scope::Build {
            command.extend(foreign::words(context, self.chosen.manager));
        }
        command
    }

    fn environment(&self) -> BTreeMap<String, String> {
        let mut env = build_environment([]);
        let own: &[(&str, &str)] = match self.chosen.manager {
            Manager::Npm => &NPM_ENVIRONMENT,
            Manager::Pnpm => &[
                ("CI", "true"),
                ("npm_config_manage_package_manager_versions", "false"),
            ],
            Manager::Yarn => &[],
            Manager::Berry => &[
                ("YARN_ENABLE_TELEMETRY", "0"),
                ("YARN_GLOBAL_FOLDER", "/root/.yarn-berry"),
                ("YARN_IGNORE_PATH", "1"),
                ("YARN_NODE_LINKER", "node-modules"),
            ],
        };
        env.extend(
            own.iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        if self.chosen.manager == Manager::Berry && !self.has_offline_cache {
            env.insert("YARN_ENABLE_GLOBAL_CACHE".to_owned(), "1".to_owned());
        }
        env
    }

    fn cache(&self) -> CacheMount {
        let (name, target) = match self.chosen.manager {
            Manager::Npm => ("npm", NPM_CACHE),
            Manager::Pnpm => ("pnpm", "/root/.pnpm-store"),
            Manager::Yarn => ("yarn", "/root/.yarn-classic"),
            Manager::Berry => ("yarn-berry", "/root/.yarn-berry"),
        };
        CacheMount {
            name: name.to_owned(),
            target: target.to_owned(),
            sharing: if self.chosen.manager == Manager::Yarn {
                Sharing::Locked
            } else {
                Sharing::Shared
            },
        }
    }

    fn captures(&self) -> Vec<Capture> {
        let folders = self.packages.iter().map(|folder| format!("{APP}/{folder}"));
        [APP.to_owned()]
            .into_iter()
            .chain(folders)
            .map(|folder| modules(&folder, self.chosen.manager))
            .collect()
    }

    /// Answers the folders that packages are in.
    pub(super) fn modules(&self) -> Vec<String> {
        self.captures().into_iter().map(|capture| capture.path).collect()
    }
}

const NPM_CACHE: &str = "/root/.npm";
const NPM_ENVIRONMENT: [(&str, &str); 3] = [
    ("npm_config_cache", NPM_CACHE),
    ("npm_config_fetch_retries", "1"),
    ("npm_config_update_notifier", "false"),
];

/// Words that each install of a manager has.
fn common(manager: Manager) -> &'static [&'static str] {
    match manager {
        Manager::Npm => &["--no-audit", "--no-fund"],
        Manager::Pnpm => &[
            "--config.node-linker=hoisted",
            "--config.package-import-method=copy",
            "--store-dir=/root/.pnpm-store",
            "--reporter=append-only",
        ],
        // Other managers only warn of packages for another Node.
        Manager::Yarn => &[
            "--ignore-engines",
            "--non-interactive",
            "--no-progress",
            "--cache-folder=/root/.yarn-classic",
        ],
        Manager::Berry => &[],
    }
}

/// Later Yarns install what production needs with a command that changes the lock file where it should fail: an
/// immutable install before it does that.
fn focused(program: &[String], is_locked: bool) -> Vec<String> {
    let yarn = program.join(" ");
    let check = format!("{yarn} install --immutable --mode=skip-build && ");
    let script = format!(
        "{}exec {yarn} workspaces focus --all --production",
        if is_locked { check.as_str() } else { "" }
    );
    vec!["sh".to_owned(), "-c".to_owned(), script]
}

/// What the managers write about their own work is read by nothing when the application runs.
fn modules(folder: &str, manager: Manager) -> Capture {
    let own: &[&str] = match manager {
        Manager::Npm => &[".package-lock.json"],
        Manager::Pnpm => &[".modules.yaml", ".pnpm/lock.yaml", ".pnpm-workspace-state*.json"],
        Manager::Yarn => &[".yarn-integrity"],
        Manager::Berry => &[".package-map.json", ".yarn-state.yml"],
    };
    Capture {
        path: format!("{folder}/node_modules"),
        exclude: own
            .iter()
            .chain(&[".cache/**"])
            .map(|glob| (*glob).to_owned())
            .collect(),
    }
}

/// Answers the operation that installs the Functions Framework on its own.
pub(super) fn framework(npm: Installed) -> Op {
    let text = |name: &str, contents: &str| Input::Text {
        contents: contents.to_owned(),
        to: format!("{OWN}/{name}"),
    };
    let words = ["ci", "--omit=dev"].iter().chain(common(Manager::Npm));
    Op::Run(Run {
        root: npm.root,
        command: npm
            .command
            .into_iter()
            .chain(words.map(|word| (*word).to_owned()))
            .collect(),
        env: build_environment(NPM_ENVIRONMENT),
        workdir: OWN.to_owned(),
        inputs: vec![
            text(FILE, FRAMEWORK_PACKAGE),
            text("package-lock.json", FRAMEWORK_LOCK),
        ],
        caches: vec![CacheMount {
            name: "npm".to_owned(),
            target: NPM_CACHE.to_owned(),
            sharing: Sharing::Shared,
        }],
        network: Network::Egress,
        capture: vec![modules(OWN, Manager::Npm)],
    })
}
