//! What a base takes, beside the same packages on Debian's minimal system, as slim images are made.
//!
//! Both are one compressed archive: what a registry stores and a machine downloads.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use coracle_peers::checked;
use serde_json::Value;

use crate::program::{Coracle, repository};

/// What is left out of slim images (docker-library's `debian:*-slim`), as options of dpkg.
const SLIM: [&str; 4] = [
    "path-exclude=/usr/share/doc/*",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/info/*",
];
const RELEASE: &str = "trixie";
const MIRROR: &str = "http://deb.debian.org/debian";
const EXAMPLES: [(&str, &str); 2] = [("hello-python", "python3"), ("hello-node", "nodejs")];

pub(crate) fn run(coracle: &Coracle, scratch: &Path) -> Result<()> {
    println!("## Size of the base\n");
    println!("| runtime | coracle, MB | minbase and runtime, MB | ratio | goal |");
    println!("|---|---|---|---|---|");
    for (example, package) in EXAMPLES {
        let ours = base(coracle, example, scratch)?;
        let theirs = minbase(package, scratch)?;
        println!(
            "| {package} | {:.1} | {:.1} | {:.2} | 0.5 |",
            megabytes(ours),
            megabytes(theirs),
            megabytes(ours) / megabytes(theirs)
        );
    }
    println!();
    Ok(())
}

/// Answers the size of an example's base, compressed with gzip.
fn base(coracle: &Coracle, example: &str, scratch: &Path) -> Result<u64> {
    let (folder, layout) = (
        scratch.join(format!("{example}-size")),
        scratch.join(format!("{example}-layout")),
    );
    checked(
        Command::new("cp")
            .arg("-r")
            .arg(repository("examples").join(example))
            .arg(&folder),
    )?;
    let report = coracle.laid_out(&folder, &layout)?;
    let blob = |digest: &str| {
        layout
            .join("blobs/sha256")
            .join(digest.trim_start_matches("sha256:"))
    };
    let digest = report["outputs"][0]["digest"].as_str().context("no digest")?;
    let manifest: Value = serde_json::from_slice(&fs_err::read(blob(digest))?)?;
    let layers = report["layers"].as_array().into_iter().flatten();
    let exported = manifest["layers"].as_array().into_iter().flatten();
    let bases = layers.zip(exported).filter(|(layer, _)| {
        let step = layer["step"].as_str();
        step.is_some_and(|step| step.starts_with("assemble the base"))
    });
    Ok(bases.filter_map(|(_, exported)| exported["size"].as_u64()).sum())
}

/// Answers the size of Debian's minimal system with a package, compressed with gzip.
fn minbase(package: &str, scratch: &Path) -> Result<u64> {
    let archive = scratch.join(format!("{package}.tar"));
    let mut make = Command::new("mmdebstrap");
    make.args(["--quiet", "--variant=minbase", "--include"])
        .arg(format!("{package},ca-certificates"))
        .arg("--aptopt=APT::Install-Recommends \"false\"")
        .arg("--customize-hook=rm -rf \"$1\"/var/lib/apt/lists/* \"$1\"/var/cache/apt/*");
    for option in SLIM {
        make.arg(format!("--dpkgopt={option}"));
    }
    checked(make.arg(RELEASE).arg(&archive).arg(MIRROR))?;
    checked(Command::new("gzip").args(["-6", "--force"]).arg(&archive))?;
    Ok(fs_err::metadata(archive.with_extension("tar.gz"))?.len())
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
