//! Images that stand in for public ones: made here of Debian packages, so that no public registry is asked.
//!
//! They have what builds take for granted of their namesakes (shell and tools, package managers, the configuration), and
//! are not them otherwise.

mod files;
mod made;
mod programs;
mod recipe;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use coracle_content::Store;
use coracle_spec::Digest;
use serde_json::Value;

use crate::image::Image;
use crate::outcome::{Base, Bases};

/// A stand-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StandIn {
    /// One program with many names, for this machine's processors; for arm64, files without a program.
    Busybox,
    /// The same with links instead of hard links, and an `apk` that installs nothing and says it did.
    Alpine,
    /// Debian with a shell, the usual tools, and those for capabilities and extended attributes.
    Debian,
    /// Debian with the package manager of its own; `mmdebstrap` makes it.
    DebianApt,
    /// Python and pip over Debian, with what scripts for Alpine call.
    Python,
    /// Node and npm over Debian, with what scripts for Alpine call.
    Node,
    /// Go over Debian, with what scripts for Alpine call.
    Golang,
    /// A program that starts `fprocess` and leads requests to `upstream_url`, in an image with nothing else.
    Watchdog,
    /// A program that finds nothing to complain of, in an image with nothing else.
    LicenceCheck,
    /// Busybox, with instructions for images that stand on it.
    OnBuild,
    /// Busybox, with everything set that an image's configuration can have.
    Configured,
    /// Busybox, with users, folders that belong to them, and links.
    Users,
}

impl StandIn {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Busybox,
        Self::Alpine,
        Self::Debian,
        Self::DebianApt,
        Self::Python,
        Self::Node,
        Self::Golang,
        Self::Watchdog,
        Self::LicenceCheck,
        Self::OnBuild,
        Self::Configured,
        Self::Users,
    ];

    /// Those that cases stand on.
    pub const OF_CASES: [Self; 6] = [
        Self::Busybox,
        Self::Alpine,
        Self::Debian,
        Self::OnBuild,
        Self::Configured,
        Self::Users,
    ];

    /// Answers the repository that it is found in, whatever the tag and the registry; no registry has the tag `missing`.
    pub fn repository(self) -> &'static str {
        match self {
            Self::Busybox => "library/busybox",
            Self::Alpine => "library/alpine",
            Self::Debian => "library/debian",
            Self::DebianApt => "suite/debian-apt",
            Self::Python => "library/python",
            Self::Node => "library/node",
            Self::Golang => "library/golang",
            Self::Watchdog => "openfaas/of-watchdog",
            Self::LicenceCheck => "openfaas/license-check",
            Self::OnBuild => "suite/onbuild",
            Self::Configured => "suite/configured",
            Self::Users => "suite/users",
        }
    }
}

/// Where stand-ins are made and kept.
#[derive(Debug)]
pub struct StandIns {
    store: Store,
    made: Mutex<BTreeMap<StandIn, Digest>>,
}

impl StandIns {
    /// Keeps them in `folder`, which several processes may use.
    pub fn open(folder: &Path) -> Result<Self> {
        Ok(Self {
            store: Store::open(folder)?,
            made: Mutex::default(),
        })
    }

    /// Makes a stand-in, unless it was made before; answers the digest of its index. While one is made, others are there.
    pub fn make(&self, stand_in: StandIn) -> Result<Digest> {
        if let Some(digest) = self.made().get(&stand_in) {
            return Ok(*digest);
        }
        let digest = made::make(&self.store, stand_in)
            .with_context(|| format!("cannot make the stand-in for `{}`", stand_in.repository()))?;
        self.made().insert(stand_in, digest);
        Ok(digest)
    }

    fn made(&self) -> MutexGuard<'_, BTreeMap<StandIn, Digest>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers those that cases stand on, as bases of builds; makes what was not made before.
    pub fn bases(&self) -> Result<Bases> {
        let bases = StandIn::OF_CASES.into_iter().map(|stand_in| self.base(stand_in));
        Ok(Bases(
            bases.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect(),
        ))
    }

    /// Answers a stand-in for each of its platforms.
    fn base(&self, stand_in: StandIn) -> Result<Vec<Base>> {
        let index: Value = serde_json::from_slice(&self.document(&self.make(stand_in)?)?)?;
        let manifests = index["manifests"].as_array().into_iter().flatten();
        manifests
            .map(|descriptor| {
                let digest = digest(descriptor)?;
                let manifest = serde_json::from_slice(&self.document(&digest)?)?;
                let blob = |digest: &str| self.document(&digest.parse()?);
                let image = Image::of_manifest(&manifest, &blob)?;
                let processors = descriptor["platform"]["architecture"]
                    .as_str()
                    .unwrap_or_default();
                Ok(Base {
                    name: format!("{} {processors}", stand_in.repository()),
                    diff_ids: image.diff_ids,
                    tree: image.tree,
                })
            })
            .collect()
    }

    /// Answers the digest of the manifest and the configuration of what `repository` is for these processors; nothing when
    /// nothing stands in for it.
    pub fn configuration(&self, repository: &str, processors: &str) -> Result<Option<(Digest, Value)>> {
        let Some(index) = self.of_repository(repository)? else {
            return Ok(None);
        };
        let index: Value = serde_json::from_slice(&self.document(&index)?)?;
        let mut manifests = index["manifests"].as_array().into_iter().flatten();
        let is_for = |descriptor: &&Value| descriptor["platform"]["architecture"] == processors;
        let Some(descriptor) = manifests.find(is_for) else {
            return Ok(None);
        };
        let digest = digest(descriptor)?;
        let manifest: Value = serde_json::from_slice(&self.document(&digest)?)?;
        let config = self.document(&self::digest(&manifest["config"])?)?;
        Ok(Some((digest, serde_json::from_slice(&config)?)))
    }

    fn document(&self, digest: &Digest) -> Result<Vec<u8>> {
        self.blob(digest)?.context("a stand-in lacks a blob")
    }

    pub(crate) fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>> {
        let blob = self.store.blob(digest)?;
        Ok(blob.map(|blob| blob.read(u64::MAX)).transpose()?)
    }

    pub(crate) fn of_repository(&self, repository: &str) -> Result<Option<Digest>> {
        let stand_in = StandIn::ALL
            .iter()
            .find(|stand_in| stand_in.repository() == repository);
        stand_in.map(|stand_in| self.make(*stand_in)).transpose()
    }
}

fn digest(descriptor: &Value) -> Result<Digest> {
    Ok(descriptor["digest"].as_str().unwrap_or_default().parse()?)
}
