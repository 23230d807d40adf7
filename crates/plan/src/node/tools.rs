//! The root that package managers run in, and the packages that they come in.
//!
//! A manager comes from the npm registry, pinned here or in `coracle.lock`: Debian's npm would bring 370 packages and
//! is older, and Corepack would download at each build what nothing pins.

use super::lockfile::{self, PnpmFormat};
use super::manager::{Chosen, Manager};
use super::runtime::Runtime;
use crate::context::Context;
use crate::draft::Draft;
use crate::error::PlanError;
use crate::op::{BaseKind, Fetch, Op, Registry, Unpack, Version, Write, Written};
use crate::step::StepId;

/// A package whose version and content are part of this program.
struct Known {
    version: &'static str,
    integrity: &'static str,
}

/// The newest that runs on every Node that is offered.
const NPM: Known = Known {
    version: "11.21.2",
    integrity: "sha512-7HPApk+AflMUavSseL1Pm6CnYqMIHk53x+KmuhqmTDqPkjPMgxIpTPcTqsE91EKNw4gFBJV9fnXiSdGm1DXq9A==",
};

/// The last line that is JavaScript and runs on every Node that is offered.
const PNPM: Known = Known {
    version: "10.34.9",
    integrity: "sha512-9JtajqD97bRLs8DB1ldQkqU8KVDZW3rRXfEfF5dId6LeOgHAfpNOmyjOcW5RwJqUlixzBtCb4uHksYqMh2L9Mg==",
};

/// The last of Yarn 1.
const YARN: Known = Known {
    version: "1.22.22",
    integrity: "sha512-prL3kGtyG7o9Z9Sv8IPfBNrWTDmXB4Qbes8A9rEzt6wkJV8mUvoirjU0Mp3GGAU06Y0XQyA3/2/RQFVuK7MTfg==",
};

const BERRY: Known = Known {
    version: "4.18.1",
    integrity: "sha512-EH+A4TxAtBWXKE0DGQxW9Bo9crXHLJ73mfxjTQJuv8XonNWWTpei8BQ5JjczHJNU9GROTycwMFn8iOvRIZXUcA==",
};

/// Where the managers are.
const FOLDER: &str = "/usr/local/lib/node_modules";

/// The package that Yarn's later versions come in.
const BERRY_PACKAGE: &str = "@yarnpkg/cli-dist";

/// The root that commands of a build run in.
pub(super) struct Builder {
    /// The base and Node.
    root: Vec<StepId>,
    /// npm, once it is there.
    npm: Vec<StepId>,
    /// The author's manager, once it is there.
    manager: Option<Installed>,
}

/// A package manager in a builder.
#[derive(Debug, Clone)]
pub(super) struct Installed {
    /// What it runs in.
    pub(super) root: Vec<StepId>,
    /// The words that start it.
    pub(super) command: Vec<String>,
}

impl Builder {
    /// Adds the root. `node` holds Node, when the base does not.
    pub(super) fn new(
        context: Context<'_>,
        runtime: &Runtime,
        node: Option<StepId>,
        draft: &mut Draft,
    ) -> Self {
        let base = draft.step(
            "builder",
            "assemble the builder",
            runtime.base(context, BaseKind::Builder),
        );
        let node = runtime.builder_node(context, node, draft);
        Self {
            root: [Some(base), node].into_iter().flatten().collect(),
            npm: Vec::new(),
            manager: None,
        }
    }

    /// Answers the root without a package manager.
    pub(super) fn root(&self) -> &[StepId] {
        &self.root
    }

    /// Adds npm, which also runs the author's scripts.
    pub(super) fn npm(&mut self, draft: &mut Draft) -> Installed {
        if self.npm.is_empty() {
            self.npm = placed(Manager::Npm, &Package::known("npm", &NPM), draft);
        }
        Installed {
            root: self.root.iter().chain(&self.npm).cloned().collect(),
            command: program("npm", "bin/npm-cli.js"),
        }
    }

    /// Adds the package manager that installs what the author depends on.
    pub(super) fn manager(
        &mut self,
        context: Context<'_>,
        chosen: &Chosen,
        draft: &mut Draft,
    ) -> Result<Installed, PlanError> {
        if chosen.manager == Manager::Npm {
            return Ok(self.npm(draft));
        }
        if let Some(installed) = &self.manager {
            return Ok(installed.clone());
        }
        let installed = self.add(context, chosen, draft)?;
        Ok(self.manager.insert(installed).clone())
    }

    fn add(&self, context: Context<'_>, chosen: &Chosen, draft: &mut Draft) -> Result<Installed, PlanError> {
        if let Some(release) = own_release(context, chosen)? {
            return Ok(Installed {
                root: self.root.clone(),
                command: vec!["node".to_owned(), release],
            });
        }
        let package = package(context, chosen, draft)?;
        let command = program(package.name, package.program());
        let steps = placed(chosen.manager, &package, draft);
        Ok(Installed {
            root: self.root.iter().cloned().chain(steps).collect(),
            command,
        })
    }
}

/// A package that a manager comes in.
struct Package {
    name: &'static str,
    version: Version,
    shown: String,
}

impl Package {
    fn known(name: &'static str, known: &Known) -> Self {
        Self {
            name,
            version: Version::Exact {
                version: known.version.to_owned(),
                integrity: known.integrity.to_owned(),
                path: archive(name, known.version),
            },
            shown: known.version.to_owned(),
        }
    }

    /// What the lock file pins, or has to.
    fn newest(context: Context<'_>, name: &'static str, request: &str) -> Self {
        Self {
            name,
            version: context.newest(name, request),
            shown: request.to_owned(),
        }
    }

    fn program(&self) -> &'static str {
        match self.name {
            "npm" => "bin/npm-cli.js",
            "pnpm" => "bin/pnpm.cjs",
            _ => "bin/yarn.js",
        }
    }
}

fn package(context: Context<'_>, chosen: &Chosen, draft: &mut Draft) -> Result<Package, PlanError> {
    let named = chosen.version.as_deref();
    let lock = chosen.lock.map(|file| context.text(file)).transpose()?.flatten();
    let lock = lock.unwrap_or_default();
    Ok(match chosen.manager {
        Manager::Npm => Package::known("npm", &NPM),
        Manager::Pnpm => pnpm(context, named, PnpmFormat::of(&lock), draft),
        Manager::Yarn => known_or(context, "yarn", &YARN, named),
        Manager::Berry => match (named, lockfile::berry_format(&lock)) {
            (None, Some(..6)) => Package::newest(context, BERRY_PACKAGE, "2"),
            (None, Some(6..8)) => Package::newest(context, BERRY_PACKAGE, "3"),
            (named, _) => known_or(context, BERRY_PACKAGE, &BERRY, named),
        },
    })
}

fn known_or(context: Context<'_>, name: &'static str, known: &Known, named: Option<&str>) -> Package {
    match named.filter(|version| *version != known.version) {
        Some(version) => Package::newest(context, name, version),
        None => Package::known(name, known),
    }
}

/// pnpm from 11 on needs a newer Node or is no JavaScript, and writes lock files that pnpm 10 reads.
fn pnpm(context: Context<'_>, named: Option<&str>, format: PnpmFormat, draft: &mut Draft) -> Package {
    let major = |version: &str| {
        version
            .split('.')
            .next()
            .and_then(|major| major.parse::<u64>().ok())
    };
    match named {
        Some(version) if major(version).is_some_and(|major| major > 10) => {
            draft.warnings.push(format!(
                "pnpm {version} is asked for; {} installs from its lock file",
                PNPM.version
            ));
            Package::known("pnpm", &PNPM)
        }
        Some(version) => known_or(context, "pnpm", &PNPM, Some(version)),
        None => match format {
            PnpmFormat::Five => Package::newest(context, "pnpm", "7"),
            PnpmFormat::Six => Package::newest(context, "pnpm", "8"),
            PnpmFormat::Nine => Package::known("pnpm", &PNPM),
        },
    }
}

/// Answers the Yarn that the author keeps in the folder, where `.yarnrc.yml` says (`yarnPath`).
fn own_release(context: Context<'_>, chosen: &Chosen) -> Result<Option<String>, PlanError> {
    if chosen.manager != Manager::Berry {
        return Ok(None);
    }
    let settings = context.text(".yarnrc.yml")?.unwrap_or_default();
    let path = settings.lines().find_map(|line| line.strip_prefix("yarnPath:"));
    let Some(path) = path.map(|path| path.trim().trim_matches(['"', '\''])) else {
        return Ok(None);
    };
    if context.source.contains(path) {
        return Ok(Some(format!("{}/{path}", crate::draft::APP)));
    }
    Err(PlanError::Missing {
        path: path.to_owned(),
        named_by: "`yarnPath` in `.yarnrc.yml`".to_owned(),
    })
}

/// Adds the steps that fetch a manager and put it on the search path: install scripts call it by its name.
fn placed(manager: Manager, package: &Package, draft: &mut Draft) -> Vec<StepId> {
    let name = match manager {
        Manager::Npm => "npm",
        Manager::Pnpm => "pnpm",
        Manager::Yarn | Manager::Berry => "yarn",
    };
    let fetch = Fetch {
        registry: Registry::Npm,
        package: package.name.to_owned(),
        version: package.version.clone(),
        unpack: vec![Unpack {
            from: String::new(),
            to: format!("{FOLDER}/{}", package.name),
        }],
    };
    let fetch = draft.step(name, format!("fetch {name} {}", package.shown), Op::Fetch(fetch));
    let links = draft.step(
        &format!("{name}-links"),
        format!("put {name} on the search path"),
        Op::Write(Write {
            files: links(manager, package),
        }),
    );
    vec![fetch, links]
}

fn links(manager: Manager, package: &Package) -> Vec<Written> {
    let folder = format!("{FOLDER}/{}", package.name);
    let link = |name: &str, program: &str| Written::Link {
        path: format!("/usr/local/bin/{name}"),
        target: format!("{folder}/{program}"),
    };
    match manager {
        Manager::Npm => vec![link("npm", package.program()), link("npx", "bin/npx-cli.js")],
        Manager::Pnpm => vec![link("pnpm", package.program())],
        Manager::Yarn | Manager::Berry => vec![link("yarn", package.program())],
    }
}

fn program(package: &str, file: &str) -> Vec<String> {
    vec!["node".to_owned(), format!("{FOLDER}/{package}/{file}")]
}

/// Answers where registries keep an archive.
pub(super) fn archive(package: &str, version: &str) -> String {
    let name = package.rsplit('/').next().unwrap_or(package);
    format!("{package}/-/{name}-{version}.tgz")
}
