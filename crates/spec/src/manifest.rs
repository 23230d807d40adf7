//! The manifest `coracle.yaml`: what the author says about a function, as validated values.
//!
//! Reading goes through a tree of nodes that know their lines ([`document`]) instead of derived deserialisers:
//! those stop at the first wrong type with the parser's words, and cannot name the nearest key. A key that is
//! read here but that nothing implements yet is for whoever would have to act on it to refuse: see
//! [`Manifest::given`].

mod build;
mod checks;
mod document;
mod error;
mod foreign;
mod naming;
mod read;
mod section;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;

pub use build::{
    Base, Build, BuildType, Entry, Go, Java, JavaTool, ModuleFormat, Node, NodeManager, Platform, Python,
    PythonManager, Rust, Serve, UnknownPlatform,
};
pub use error::ManifestError;
pub use naming::name_of_folder;

use crate::name::{FunctionName, Namespace};
use crate::quantity::Span;
use crate::revision::RevisionConfig;

/// The name of the file in the project's folder.
pub const FILE_NAME: &str = "coracle.yaml";

/// One function as its manifest describes it.
///
/// What the manifest leaves out has its default; `Option` is left where the default depends on what is in the
/// source folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The function's name; left out, the folder's.
    pub name: FunctionName,
    /// The namespace that it is in.
    pub namespace: Namespace,
    /// What it is for.
    pub kind: FunctionKind,
    /// A built-in runtime's name, a folder or a git address; left out, detected.
    pub runtime: Option<String>,
    /// The runtime's own options.
    pub options: BTreeMap<String, serde_json::Value>,
    /// How the application takes requests; left out, detected.
    pub signature: Option<Signature>,
    /// How the image is made.
    pub build: Build,
    /// The reference that the image gets, or that it is taken from.
    pub image: Option<String>,
    /// Kept with the function, for other programs.
    pub annotations: BTreeMap<String, String>,
    /// How asynchronous calls are tried again.
    pub retry: Retry,
    /// When it is called without anybody asking.
    pub schedule: Vec<Schedule>,
    /// Other functions that it calls by name.
    pub links: Vec<FunctionName>,
    /// What its revisions are configured with.
    pub revision: RevisionConfig,
    given: Given,
}

impl Manifest {
    /// Answers the manifest of a folder that has none.
    pub fn default_for(name: FunctionName) -> Self {
        Self {
            name,
            namespace: Namespace::default(),
            kind: FunctionKind::default(),
            runtime: None,
            options: BTreeMap::new(),
            signature: None,
            build: Build::default(),
            image: None,
            annotations: BTreeMap::new(),
            retry: Retry::default(),
            schedule: Vec::new(),
            links: Vec::new(),
            revision: RevisionConfig::default(),
            given: Given::default(),
        }
    }

    /// Reads a manifest of exactly one function. `name` is what it is called when the manifest does not say.
    pub fn parse(text: &str, file_name: &str, name: &FunctionName) -> Result<Self, ManifestError> {
        let mut all = Self::parse_all(text, file_name, name)?;
        match (all.pop(), all.is_empty()) {
            (Some(manifest), true) => Ok(manifest),
            (last, _) => Err(ManifestError::several(file_name, all.into_iter().chain(last))),
        }
    }

    /// Reads every function of a manifest: the one that it describes, or those beneath `functions:`.
    pub fn parse_all(text: &str, file_name: &str, name: &FunctionName) -> Result<Vec<Self>, ManifestError> {
        let document = document::parse(text).map_err(|fault| fault.in_file(file_name))?;
        let manifests = read::manifests(&document, name).map_err(|fault| fault.in_file(file_name))?;
        Ok(manifests
            .into_iter()
            .map(|manifest| manifest.of_file(file_name))
            .collect())
    }

    fn of_file(mut self, file_name: &str) -> Self {
        file_name.clone_into(&mut self.given.file);
        self
    }

    /// Answers the keys that the author wrote, with where.
    pub fn given(&self) -> &Given {
        &self.given
    }
}

/// The keys that a manifest's author wrote, as paths (`build.base`), with the lines that they are on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Given {
    file: String,
    lines: BTreeMap<String, u64>,
}

impl Given {
    /// Answers whether the author wrote nothing, or wrote no manifest.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Answers where `key` was written, as `FILE:LINE`, or nothing when it was left out.
    pub fn place(&self, key: &str) -> Option<String> {
        self.lines.get(key).map(|line| format!("{}:{line}", self.file))
    }
}

/// What a function is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FunctionKind {
    /// It answers requests.
    #[default]
    Function,
    /// It runs without being called.
    Worker,
    /// It runs to its end.
    Job,
}

/// How an application takes requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// A handler of HTTP requests.
    Http,
    /// A handler of CloudEvents.
    CloudEvent,
    /// A handler as AWS Lambda calls it.
    Lambda,
    /// A server of its own, on the port that `PORT` says.
    Server,
}

/// How asynchronous calls are tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// How often in all.
    pub attempts: u32,
    /// The statuses after which it is tried again.
    pub codes: Vec<u16>,
    /// The wait after the first attempt; it doubles after each.
    pub min_wait: Span,
    /// The longest wait.
    pub max_wait: Span,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 3,
            codes: vec![502, 503],
            min_wait: Span::seconds(1),
            max_wait: Span::seconds(60),
        }
    }
}

/// A call at set times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// When, in five fields (crontab(5)).
    pub cron: String,
    /// The time zone that it counts in, as the IANA names it.
    pub zone: String,
    /// The path that is called.
    pub path: String,
}
