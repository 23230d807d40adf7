//! The peer: BuildKit, and a registry that it pushes to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use coracle_dockerfile_suite::{BuildKit, Registry as BaseImages};
use coracle_peers::checked;
use coracle_peers::registry::{Options, Registry};

use super::template::{Folder, Kind};
use super::{Builder, memory};
use crate::dockerfiles::CERTIFICATES;
use crate::sample::{Sample, timed};

pub(super) struct Theirs {
    buildkit: BuildKit,
    registry: Registry,
    folders: PathBuf,
}

impl Theirs {
    pub(super) fn start(scratch: &Path, base_images: &BaseImages) -> Result<Self> {
        let folders = scratch.join("theirs");
        fs_err::create_dir_all(&folders)?;
        Ok(Self {
            buildkit: BuildKit::start(scratch, base_images)?,
            registry: Registry::start(scratch, Options::default())?,
            folders,
        })
    }

    pub(super) fn version(&self) -> &str {
        self.buildkit.version()
    }

    /// Answers how long a client takes that asks for next to nothing.
    pub(super) fn start_of_client(&self) -> Result<Duration> {
        let ask = || timed(|| checked(self.buildkit.client().args(["debug", "workers"])).map(drop));
        Ok(Sample::take(9, ask)?.median())
    }
}

impl Builder for Theirs {
    fn name(&self) -> &'static str {
        "BuildKit"
    }

    fn build(&self, kind: &Kind, client: usize) -> Result<()> {
        let folder = Folder::of(self.folders.join(client.to_string()), kind)?;
        folder.change()?;
        let place = |what: &str| format!("{what}={}", folder.path().display());
        let name = format!("{}/team/function-{client}:latest", self.registry.host());
        let mut build = self.buildkit.client();
        build
            .args(["build", "--frontend", "dockerfile.v0", "--progress", "plain"])
            .args(["--local", &place("context"), "--local", &place("dockerfile")])
            .args(["--secret", CERTIFICATES, "--output"])
            .arg(format!(
                "type=image,name={name},push=true,registry.insecure=true,oci-mediatypes=true,compression=zstd,compression-level=3"
            ));
        checked(&mut build).map(drop)
    }

    fn memory(&self) -> u64 {
        memory::of(|process| process == self.buildkit.process())
    }
}
