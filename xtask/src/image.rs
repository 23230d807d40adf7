//! The container image: Coracle's program on the smallest base that runs it, built by that program.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::command::run;
use crate::metadata;

/// What the image is built from, beside the program.
const FILES: &[&str] = &["coracle.yaml", "coracle.lock"];

/// Builds the image of `program` with it, and answers the path of the archive in the folder `to`.
pub(crate) fn build(program: &Path, to: &Path) -> Result<PathBuf> {
    let metadata = metadata::read()?;
    let version = metadata.version("coracle")?;
    let folder = to.join("image");
    fs_err::create_dir_all(&folder)?;
    for name in FILES {
        fs_err::copy(
            metadata.workspace_root.join("packaging/image").join(name),
            folder.join(name),
        )?;
    }
    fs_err::copy(program, folder.join("coracle"))?;
    let archive = to.join(format!("coracle-{version}-image.tar"));
    let arguments = [
        "build",
        &folder.to_string_lossy(),
        "--locked",
        "--tag",
        &format!("coracle:{version}"),
        "--output",
        &format!("oci-archive:{}", archive.display()),
    ];
    run(&program.to_string_lossy(), &arguments, &[])?;
    Ok(archive)
}
