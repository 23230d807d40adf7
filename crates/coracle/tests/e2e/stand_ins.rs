//! Base images of public names, without a public registry: a server on loopback that the program is told to ask first.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use coracle_dockerfile_suite::{Registry, StandIns};

use crate::machine::Machine;

/// The server, started with the first image that a test needs. Each image is made once for all runs.
static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stand-ins");
    Registry::start(StandIns::open(&kept).unwrap()).unwrap()
});

impl Machine {
    /// Prepares a run of the program that finds the base images of Dockerfiles.
    pub(crate) fn with_bases(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.env("CORACLE_REGISTRY_MIRRORS", REGISTRY.mirrors());
        command
    }
}
