//! The peer that builds: what it is asked for.

use std::path::Path;

use anyhow::Result;
use coracle_peers::buildkit::BuildKit;
use coracle_peers::checked;

use crate::app::App;

/// The host's certificates, which the registries that commands ask may need.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Builds an image into BuildKit's own store, compressed as Coracle compresses what stays.
pub(crate) fn build(buildkit: &BuildKit, app: &App, folder: &Path) -> Result<()> {
    let to = "type=image,name=peer,oci-mediatypes=true,compression=zstd,compression-level=3";
    output(buildkit, app, folder, to)
}

/// Builds an image into an archive for Docker, in the form that it loads soonest.
pub(crate) fn archive(buildkit: &BuildKit, app: &App, folder: &Path, archive: &Path) -> Result<()> {
    let to = format!(
        "type=docker,name=peer,compression=uncompressed,force-compression=true,dest={}",
        archive.display()
    );
    output(buildkit, app, folder, &to)
}

fn output(buildkit: &BuildKit, app: &App, folder: &Path, output: &str) -> Result<()> {
    let mut build = buildkit.client();
    build
        .args(["build", "--frontend", "dockerfile.v0", "--progress", "plain"])
        .arg("--local")
        .arg(format!("context={}", folder.display()))
        .arg("--local")
        .arg(format!("dockerfile={}", app.dockerfile().display()))
        .arg("--secret")
        .arg(format!("id=ca,src={CERTIFICATES}"))
        .args(["--output", output]);
    for base in app.bases() {
        base.give_to(&mut build);
    }
    checked(&mut build).map(drop)
}
