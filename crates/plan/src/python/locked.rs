//! Lock files of package managers, read as lists of exact packages.
//!
//! They are translated here instead of asking each manager to write its packages out: that takes no manager in the
//! builder, and the plan shows what is installed. Only `uv.lock` and `pylock.toml` are left to uv, which reads them
//! itself.

mod closure;
mod fresh;
mod pdm;
mod pipenv;
mod poetry;
mod uv;

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use toml::Table;

use super::install::{Call, FILES};
use super::local::{self, Local};
use super::{name, pyproject};
use crate::context::Context;
use crate::error::PlanError;
use crate::op::Input;

pub(super) use pdm::read as pdm;
pub(super) use pipenv::read as pipenv;
pub(super) use poetry::read as poetry;
pub(super) use uv::{OfUv, read as uv, read_pylock as pylock};

/// The public index, which the host's configuration may replace.
const PUBLIC_INDEX: &str = "https://pypi.org/simple";

/// What a lock file says is installed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Locked {
    pub(super) packages: Vec<Package>,
    /// Other indexes than the public one, in the order in which they are asked.
    pub(super) indexes: Vec<String>,
}

/// A package, exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) what: What,
    /// The hashes that its archive may have: `sha256:…`.
    pub(super) hashes: Vec<String>,
    /// When it is installed (PEP 508, "Environment Markers"); always, without one.
    pub(super) marker: Option<String>,
}

/// Which archive of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// Whichever an index has.
    Any,
    /// That of versions in an index: `==1.2`.
    Version(String),
    /// What lies at an address, a Git repository among them (`git+https://…@COMMIT`).
    Address(String),
    /// What lies in the folder.
    Path(String),
}

impl What {
    /// Takes a version specifier, of which `*` means any.
    fn of_specifier(specifier: &str) -> Self {
        match specifier {
            "*" | "" => Self::Any,
            specifier => Self::Version(specifier.to_owned()),
        }
    }

    /// Takes an exact version.
    fn exactly(version: &str) -> Self {
        Self::Version(format!("=={version}"))
    }
}

impl Locked {
    /// Answers the names of the packages.
    pub(super) fn names(&self) -> BTreeSet<String> {
        let names = self.packages.iter();
        names.map(|package| name::normalised(&package.name)).collect()
    }

    /// Answers whether a package comes out of a Git repository.
    pub(super) fn needs_git(&self) -> bool {
        let is_git = |package: &Package| matches!(&package.what, What::Address(address) if address.starts_with("git+"));
        self.packages.iter().any(is_git)
    }

    /// Answers the requirements file that says the same.
    pub(super) fn requirements(&self) -> String {
        let indexes = self
            .indexes
            .iter()
            .map(|url| format!("--extra-index-url {url}\n"));
        indexes
            .chain(self.packages.iter().map(Package::requirement))
            .collect()
    }

    /// Answers how it is installed, with the files that this reads. `path` is the lock file.
    pub(super) fn install(&self, context: Context<'_>, path: &str) -> Result<(Call, Vec<Input>), PlanError> {
        let mut files = BTreeSet::new();
        for package in &self.packages {
            if let What::Path(folder) = &package.what {
                match local::find(context, folder, &format!("`{path}`"))? {
                    Local::Project { .. } => {}
                    Local::Files(found) => files.extend(found),
                }
            }
        }
        let mut inputs = vec![Input::Text {
            contents: self.requirements(),
            to: format!("{FILES}/locked.txt"),
        }];
        if !files.is_empty() {
            inputs.push(Input::Source {
                files: files.into_iter().collect(),
                to: FILES.to_owned(),
            });
        }
        let words = ["--no-config", "--no-deps", "--requirement", "locked.txt"];
        Ok((Call::Install(words.map(str::to_owned).into()), inputs))
    }
}

impl Package {
    fn requirement(&self) -> String {
        let Self { name, what, .. } = self;
        let what = match what {
            What::Any => name.clone(),
            What::Version(version) => format!("{name}{version}"),
            What::Address(address) => format!("{name} @ {address}"),
            What::Path(path) => path.clone(),
        };
        let marker = self.marker.iter().map(|marker| format!(" ; {marker}"));
        let hashes = self.hashes.iter().map(|hash| format!(" --hash={hash}"));
        let parts = [what].into_iter().chain(marker).chain(hashes);
        parts.chain(["\n".to_owned()]).collect()
    }
}

/// Reads a lock file in TOML, and the `pyproject.toml` beside it that it was made from.
fn with_project<T: DeserializeOwned>(context: Context<'_>, path: &str) -> Result<(T, Table), PlanError> {
    let text = context.named_text(path, "`build.python`")?;
    let lock = pyproject::parse(path, &text)?;
    let made_from = beside(path, pyproject::FILE);
    let text = context.named_text(&made_from, &format!("`{path}`"))?;
    Ok((lock, pyproject::parse(&made_from, &text)?))
}

/// Says that a lock file does not fit the file beside it that it was made from.
fn outdated(path: &str, made_from: &str, command: &str) -> PlanError {
    let made_from = beside(path, made_from);
    PlanError::Dependencies {
        message: format!("`{path}` does not fit `{made_from}` any more"),
        instead: format!("bring it up to date: `{command}`"),
    }
}

/// Answers the path of a file beside another.
fn beside(path: &str, name: &str) -> String {
    match path.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{name}"),
        None => name.to_owned(),
    }
}

/// Answers a relative path of a lock file, as requirements files have it.
fn relative(path: &str) -> String {
    let path = path.trim_end_matches('/');
    if path.starts_with('.') {
        path.to_owned()
    } else {
        format!("./{path}")
    }
}
