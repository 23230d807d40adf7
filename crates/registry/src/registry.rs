//! The registry as this process has it.

use std::collections::BTreeMap;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use coracle_content::{Guard, Progress, Store};
use coracle_spec::Digest;
use fs_err as fs;

use crate::error::{Context as _, RegistryError};
use crate::layout::{Layout, repository_of};
use crate::links;
use crate::names::Repository;

/// What a registry takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The largest manifest, in bytes. What is larger the store would not look into for what it names.
    pub manifest: u64,
    /// The largest blob, in bytes.
    pub blob: u64,
    /// Uploads that are not finished, at once.
    pub uploads: usize,
    /// How long a blob that no manifest names stays in its repository.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            manifest: 4 << 20,
            blob: 32 << 30,
            uploads: 1000,
            grace: GRACE,
        }
    }
}

/// How long a blob that no manifest names is kept, whoever collects.
pub(crate) const GRACE: Duration = Duration::from_hours(24);

/// A registry. Cloning it is cheap; clones, and other processes, may use it at the same time.
#[derive(Debug, Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    layout: Layout,
    store: Store,
    limits: Limits,
    hashes: Mutex<BTreeMap<Digest, Progress>>,
}

impl Registry {
    /// Opens the registry of the data directory `data`, whose blobs lie in `store`, and makes it if it is not there.
    pub fn open(data: &Path, store: Store, limits: Limits) -> Result<Self, RegistryError> {
        let layout = Layout::of(data);
        private(layout.root())?;
        for folder in [layout.repositories(), layout.scratch()] {
            fs::create_dir_all(&folder).context("make", &folder)?;
        }
        let inner = Inner {
            layout,
            store,
            limits,
            hashes: Mutex::default(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Answers the repositories that have a manifest, in order.
    pub fn repositories(&self) -> Result<Vec<Repository>, RegistryError> {
        let mut found = Vec::new();
        for name in links::names(&self.layout().repositories())? {
            let Some(repository) = repository_of(&name) else {
                continue;
            };
            if !links::names(&self.layout().manifests(&repository))?.is_empty() {
                found.push(repository);
            }
        }
        found.sort();
        Ok(found)
    }

    /// Answers whether a repository has anything.
    pub(crate) fn has(&self, repository: &Repository) -> Result<bool, RegistryError> {
        Ok(links::since(&self.layout().repository(repository))?.is_some())
    }

    /// Answers what is taken.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.inner.layout
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    /// What was hashed of uploads that wait for their next part.
    pub(crate) fn hashes(&self) -> &Mutex<BTreeMap<Digest, Progress>> {
        &self.inner.hashes
    }

    /// Keeps everybody else from changing which manifests a repository has, or from tidying it up.
    pub(crate) fn alone(&self, repository: &Repository) -> Result<Guard, RegistryError> {
        Ok(self
            .store()
            .lock("repository", &Digest::of(repository.as_str()))?)
    }
}

fn private(root: &Path) -> Result<(), RegistryError> {
    match std::fs::DirBuilder::new().mode(0o700).create(root) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error).context("make", root),
        _ => Ok(()),
    }
}
