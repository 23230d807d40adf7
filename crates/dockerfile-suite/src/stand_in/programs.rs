//! Programs of stand-ins: one with many names, and package managers.

use std::io::Read;
use std::process::Command;

use anyhow::{Context as _, Result};
use coracle_content::Store;
use coracle_debian::{Arch, Archive, Debian, Kind, Recipe, Release, Silent};
use coracle_fetch::{FetchConfig, Fetcher};
use coracle_oci::{Compression, Layer};
use coracle_peers::checked;
use flate2::read::GzDecoder;

use super::files::Files;

/// An npm that Debian's Node runs.
const NPM: &str = "https://registry.npmjs.org/npm/-/npm-10.9.2.tgz";

/// How big a download may be.
const DOWNLOAD: u64 = 64 << 20;

/// What scripts for Alpine call: Debian's busybox lacks the first two, and the last only says that it installs.
const SCRIPTS: [(&str, &str); 3] = [
    ("adduser", include_str!("scripts/adduser")),
    ("addgroup", include_str!("scripts/addgroup")),
    ("apk", include_str!("scripts/apk")),
];

/// The watchdog's source, of the standard library alone.
const WATCHDOG: [(&str, &str); 2] = [
    ("main.go", include_str!("watchdog/main.go")),
    ("go.mod", include_str!("watchdog/go.mod")),
];

/// Answers layers of Debian packages.
pub(super) fn packages(store: &Store, kind: Kind, packages: &[&str]) -> Result<Vec<Layer>> {
    let (debian, recipe) = (debian(store)?, recipe(kind, packages)?);
    let lock = debian.lock(&recipe, &Silent)?;
    Ok(debian.layers(&lock, Compression::Gzip, &Silent)?)
}

fn debian(store: &Store) -> Result<Debian> {
    let mirror = mirror();
    let archive = Archive::choose(mirror.as_deref(), "/etc/apt".as_ref())?;
    Ok(Debian::new(
        store.clone(),
        Fetcher::new(FetchConfig::default())?,
        archive,
    ))
}

#[expect(clippy::disallowed_methods, reason = "tests honour the host's mirror")]
fn mirror() -> Option<String> {
    std::env::var("CORACLE_DEBIAN_MIRROR").ok()
}

fn recipe(kind: Kind, packages: &[&str]) -> Result<Recipe> {
    Ok(Recipe {
        release: Release::Trixie,
        arch: Arch::of_host().context("there are no Debian packages for these processors")?,
        kind,
        packages: packages.iter().map(ToString::to_string).collect(),
    })
}

/// Busybox.
pub(super) struct Busybox {
    program: Vec<u8>,
    /// The paths of its names: `bin/cat`.
    names: Vec<String>,
}

impl Busybox {
    /// Takes it out of Debian's package.
    pub(super) fn of_debian(store: &Store) -> Result<Self> {
        let (debian, recipe) = (debian(store)?, recipe(Kind::Static, &["busybox-static"])?);
        let trees = debian.trees(&debian.lock(&recipe, &Silent)?, &Silent)?;
        let mut paths = trees.iter().map(|tree| tree.path().join("usr/bin/busybox"));
        let path = paths
            .find(|path| path.exists())
            .context("no busybox in its package")?;
        let names = Command::new(&path).arg("--list-full").output()?;
        Ok(Self {
            program: fs_err::read(path)?,
            names: String::from_utf8(names.stdout)?
                .lines()
                .map(str::to_owned)
                .collect(),
        })
    }

    /// Puts it in `/bin` with all its names there, which are hard links, as its own image has it.
    pub(super) fn with_hard_links(&self, files: &mut Files) -> Result<()> {
        files.file("bin/busybox", 0o755, &self.program)?;
        for name in self.in_bin() {
            files.hard_link(&format!("bin/{name}"), "bin/busybox")?;
        }
        Ok(())
    }

    /// Puts it in `/bin` with all its names there, which are symbolic links, as Alpine has it.
    pub(super) fn with_links(&self, files: &mut Files) -> Result<()> {
        files.file("bin/busybox", 0o755, &self.program)?;
        for name in self.in_bin() {
            files.link(&format!("bin/{name}"), "/bin/busybox")?;
        }
        Ok(())
    }

    fn in_bin(&self) -> impl Iterator<Item = &str> {
        let names = self.names.iter().filter_map(|path| path.rsplit('/').next());
        names.filter(|name| *name != "busybox")
    }

    /// Puts it in a Debian with the names that scripts for Alpine call.
    pub(super) fn beside_debian(&self, files: &mut Files) -> Result<()> {
        files.file("usr/bin/busybox", 0o755, &self.program)?;
        files.link("usr/bin/wget", "busybox")?;
        scripts(files, "usr/sbin")
    }
}

/// Puts the scripts in `folder`.
pub(super) fn scripts(files: &mut Files, folder: &str) -> Result<()> {
    for (name, text) in SCRIPTS {
        files.file(&format!("{folder}/{name}"), 0o755, text.as_bytes())?;
    }
    Ok(())
}

/// Answers the watchdog, compiled now.
pub(super) fn watchdog() -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    for (name, text) in WATCHDOG {
        fs_err::write(folder.path().join(name), text)?;
    }
    let mut build = Command::new("go");
    build.current_dir(folder.path()).env("CGO_ENABLED", "0").args([
        "build",
        "-trimpath",
        "-buildvcs=false",
        "-ldflags=-s -w -buildid=",
        "-o",
        "fwatchdog",
    ]);
    checked(&mut build)?;
    Ok(fs_err::read(folder.path().join("fwatchdog"))?)
}

/// Answers the archive of a Debian with a package manager that works, made by the distribution's own tool.
pub(super) fn debian_with_apt() -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let archive = folder.path().join("root.tar");
    let mut make = Command::new("mmdebstrap");
    make.args(["--variant=apt", "--quiet", Release::Trixie.name()])
        .arg(&archive)
        .args(mirror());
    checked(&mut make)?;
    Ok(fs_err::read(archive)?)
}

/// Puts npm where Node looks for it.
pub(super) fn npm(files: &mut Files) -> Result<()> {
    let package = Fetcher::new(FetchConfig::default())?.get(NPM, DOWNLOAD)?;
    let mut archive = tar::Archive::new(GzDecoder::new(package.as_slice()));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = String::from_utf8(entry.path_bytes().into_owned())?;
        let path = path
            .strip_prefix("package/")
            .context("a package has one folder")?;
        let mode = if path.starts_with("bin/") { 0o755 } else { 0o644 };
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        files.file(&format!("usr/lib/node_modules/npm/{path}"), mode, &bytes)?;
    }
    for name in ["npm", "npx"] {
        let target = format!("../lib/node_modules/npm/bin/{name}-cli.js");
        files.link(&format!("usr/bin/{name}"), &target)?;
    }
    Ok(())
}
