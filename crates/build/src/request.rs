//! What a build is told.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use coracle_plan::Target;
use coracle_spec::{Digest, Manifest};
use serde::Serialize;

/// What to build.
#[derive(Debug, Clone)]
pub struct Request {
    /// The source folder.
    pub folder: PathBuf,
    /// What the author says about it.
    pub manifest: Manifest,
    /// What the image is for.
    pub target: Target,
    /// What further images are for that the same build makes.
    pub others: Vec<Target>,
    /// What becomes of `coracle.lock`.
    pub locking: Locking,
    /// How a Dockerfile is built.
    pub dockerfile: DockerfileOptions,
    /// Whose build it is, where several parties build that must not learn of each other.
    pub tenant: Option<Tenant>,
}

impl Request {
    /// Answers what all images are for.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &Target> {
        std::iter::once(&self.target).chain(&self.others)
    }

    /// Answers the values of a Dockerfile's variables: the manifest's, then those beside it.
    pub fn args(&self) -> BTreeMap<String, String> {
        let mut args = self.manifest.build.args.clone();
        args.extend(self.dockerfile.args.clone());
        args
    }

    /// Answers the labels that an image of a Dockerfile gets beside the file's own: the manifest's, then those beside it.
    pub fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = self.manifest.revision.labels.clone();
        labels.extend(self.dockerfile.labels.clone());
        labels
    }
}

/// What becomes of `coracle.lock`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Locking {
    /// What it lacks is added.
    #[default]
    Update,
    /// What it lacks is an error.
    Frozen,
}

/// How a Dockerfile is built. Means nothing to builds of other kinds.
#[derive(Debug, Clone, Default)]
pub struct DockerfileOptions {
    /// Which one. One that is named makes the build one of a Dockerfile, whatever the manifest says.
    pub file: DockerfileAt,
    /// The stage that becomes the image, by name or number; the last one when nothing is said.
    pub stage: Option<String>,
    /// The values of variables, by their names.
    pub args: BTreeMap<String, String>,
    /// Labels that the image gets beside the Dockerfile's.
    pub labels: BTreeMap<String, String>,
    /// What commands may read by `--mount=type=secret`, by id.
    pub secrets: BTreeMap<String, SecretValue>,
    /// Which results of earlier builds are used.
    pub reuse: Reuse,
    /// When registries are asked what an image is.
    pub pull: Pull,
    /// What commands reach that say nothing about it.
    pub network: CommandNetwork,
}

/// Where a Dockerfile is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DockerfileAt {
    /// Where the manifest says, else `Dockerfile` in the context.
    #[default]
    Usual,
    /// At this path. A relative one is in the context and does not lead out of it; an absolute one may be anywhere.
    Path(PathBuf),
    /// Nowhere: this is its text.
    Text(String),
}

/// Which results of earlier builds are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reuse {
    /// Those of equal steps.
    #[default]
    Results,
    /// None: everything is done again. The results are kept for later builds.
    Nothing,
}

/// When registries are asked what an image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pull {
    /// When that is not known from earlier.
    #[default]
    Missing,
    /// Each time.
    Always,
}

/// What a Dockerfile's commands reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CommandNetwork {
    /// The outside world.
    #[default]
    Egress,
    /// Nothing.
    None,
}

/// What a command may read and no layer, key or log holds. Does not appear in its debug form.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(Vec<u8>);

impl SecretValue {
    /// Makes one of these bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// Answers what it is.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretValue({} bytes)", self.0.len())
    }
}

/// One of several parties whose builds share nothing: neither results of steps nor locks nor caches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Tenant(String);

impl Tenant {
    /// Names a party. What the name is does not matter, and it is shown nowhere; equal names are one party.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Answers its name, by which registries' clients know it.
    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    /// Answers `name` as it is called for this party only, of characters that any file's name may have.
    pub(crate) fn own(&self, name: &str) -> String {
        format!("{}-{}", &Digest::of(&self.0).hex()[..16], name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_and_parties_have_names_of_their_own() {
        assert_eq!(format!("{:?}", SecretValue::new("hush")), "SecretValue(4 bytes)");
        let (one, two) = (Tenant::new("one"), Tenant::new("two"));
        assert_ne!(one.own("apt"), two.own("apt"));
        assert_eq!(one.own("apt"), Tenant::new("one").own("apt"));
    }
}
