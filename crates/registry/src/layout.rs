//! Where what lies beneath the data directory.
//!
//! A repository is one folder, its name's slashes written as `+`, which no name has: nested folders lost, since a
//! repository may be called like a part of another one, and listing them would be a walk.

use std::path::{Path, PathBuf};

use coracle_spec::Digest;

use crate::names::{Repository, Tag};

/// The registry's folders.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Those of the data directory `data`.
    pub(crate) fn of(data: &Path) -> Self {
        Self {
            root: data.join("registry"),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn scratch(&self) -> PathBuf {
        self.root.join("scratch")
    }

    pub(crate) fn repositories(&self) -> PathBuf {
        self.root.join("repositories")
    }

    pub(crate) fn repository(&self, repository: &Repository) -> PathBuf {
        self.repositories().join(repository.as_str().replace('/', "+"))
    }

    pub(crate) fn owner(&self, repository: &Repository) -> PathBuf {
        self.repository(repository).join("owner")
    }

    pub(crate) fn blobs(&self, repository: &Repository) -> PathBuf {
        self.repository(repository).join("blobs")
    }

    pub(crate) fn blob(&self, repository: &Repository, digest: &Digest) -> PathBuf {
        self.blobs(repository).join(digest.hex())
    }

    pub(crate) fn manifests(&self, repository: &Repository) -> PathBuf {
        self.repository(repository).join("manifests")
    }

    pub(crate) fn manifest(&self, repository: &Repository, digest: &Digest) -> PathBuf {
        self.manifests(repository).join(digest.hex())
    }

    pub(crate) fn tags(&self, repository: &Repository) -> PathBuf {
        self.repository(repository).join("tags")
    }

    pub(crate) fn tag(&self, repository: &Repository, tag: &Tag) -> PathBuf {
        self.tags(repository).join(tag.as_str())
    }

    pub(crate) fn all_referrers(&self, repository: &Repository) -> PathBuf {
        self.repository(repository).join("referrers")
    }

    pub(crate) fn referrers(&self, repository: &Repository, subject: &Digest) -> PathBuf {
        self.all_referrers(repository).join(subject.hex())
    }
}

/// Answers the repository that a folder is.
pub(crate) fn repository_of(folder: &str) -> Option<Repository> {
    folder.replace('+', "/").parse().ok()
}

/// Answers the digest that a file is named by.
pub(crate) fn digest_of(name: &str) -> Option<Digest> {
    format!("sha256:{name}").parse().ok()
}
