//! The Debian package: the program, its units, its pages, and what `dpkg` wants to know.
//!
//! `dpkg-deb` makes it from a staged tree, and `dpkg-shlibdeps` finds out which libraries the program needs. Tools that
//! know Cargo do the same with more machinery, and their own idea of what maintainer scripts say.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::command::{output, run};
use crate::{metadata, packages};

/// Files of the repository and where the package has them.
const FILES: &[(&str, &str)] = &[
    (
        "packaging/systemd/coracle.service",
        "usr/lib/systemd/system/coracle.service",
    ),
    (
        "packaging/systemd/coracle.socket",
        "usr/lib/systemd/system/coracle.socket",
    ),
    ("packaging/systemd/default", "etc/default/coracle"),
    ("packaging/debian/copyright", "usr/share/doc/coracle/copyright"),
    ("CHANGELOG.md", "usr/share/doc/coracle/changelog"),
    ("README.md", "usr/share/doc/coracle/README.md"),
];

/// What `dpkg` reads and runs, with the mode of each.
const CONTROL: &[(&str, u32)] = &[
    ("conffiles", 0o644),
    ("postinst", 0o755),
    ("prerm", 0o755),
    ("postrm", 0o755),
];

/// Shells and where each looks for completions.
const COMPLETIONS: &[(&str, &str)] = &[
    ("bash", "usr/share/bash-completion/completions/coracle"),
    ("fish", "usr/share/fish/vendor_completions.d/coracle.fish"),
    ("zsh", "usr/share/zsh/vendor-completions/_coracle"),
];

/// Makes the package of `program` in the folder `to`, and answers its path.
pub(crate) fn build(program: &Path, to: &Path) -> Result<PathBuf> {
    packages::install(packages::FOR_PACKAGES)?;
    let metadata = metadata::read()?;
    let stage = Stage::new(to.join("deb"))?;
    stage.program(program)?;
    for (from, path) in FILES {
        stage.file(path, &fs_err::read(metadata.workspace_root.join(from))?, 0o644)?;
    }
    stage.pages(program)?;
    stage.compress()?;
    let architecture = output("dpkg", &["--print-architecture"])?.trim().to_owned();
    let sources = metadata.workspace_root.join("packaging/debian");
    stage.control(&sources, metadata.version("coracle")?, &architecture)?;
    let package = to.join(format!(
        "coracle_{}_{architecture}.deb",
        metadata.version("coracle")?
    ));
    let arguments = ["--root-owner-group", "-Zxz", "--build"];
    let paths = [stage.root.to_string_lossy(), package.to_string_lossy()];
    let all: Vec<&str> = arguments
        .into_iter()
        .chain(paths.iter().map(AsRef::as_ref))
        .collect();
    // Times in the package are not later than this, so that the same commit makes the same bytes.
    let epoch = output("git", &["log", "-1", "--format=%ct"])?;
    run("dpkg-deb", &all, &[("SOURCE_DATE_EPOCH", epoch.trim())])?;
    Ok(package)
}

/// A tree that becomes a package.
struct Stage {
    root: PathBuf,
}

impl Stage {
    fn new(root: PathBuf) -> Result<Self> {
        if root.exists() {
            fs_err::remove_dir_all(&root)?;
        }
        fs_err::create_dir_all(&root)?;
        Ok(Self { root })
    }

    fn file(&self, path: &str, contents: &[u8], mode: u32) -> Result<()> {
        let path = self.root.join(path);
        if let Some(folder) = path.parent() {
            fs_err::create_dir_all(folder)?;
        }
        fs_err::write(&path, contents)?;
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode))?;
        Ok(())
    }

    fn program(&self, program: &Path) -> Result<()> {
        self.file("usr/bin/coracle", &fs_err::read(program)?, 0o755)?;
        let staged = self.root.join("usr/bin/coracle");
        run("strip", &["--strip-unneeded", &staged.to_string_lossy()], &[])
    }

    /// Adds what the program says about itself: manual pages and completions.
    fn pages(&self, program: &Path) -> Result<()> {
        let program = program.to_string_lossy();
        for (shell, path) in COMPLETIONS {
            self.file(path, output(&program, &["completions", shell])?.as_bytes(), 0o644)?;
        }
        let folder = self.root.join("usr/share/man/man1");
        fs_err::create_dir_all(&folder)?;
        run(&program, &["man", &folder.to_string_lossy()], &[])
    }

    /// Debian's policy wants these compressed, without names and times in them (Debian Policy, 12.1 and 12.3).
    fn compress(&self) -> Result<()> {
        let mut files = vec![self.root.join("usr/share/doc/coracle/changelog")];
        for entry in fs_err::read_dir(self.root.join("usr/share/man/man1"))? {
            files.push(entry?.path());
        }
        let files: Vec<_> = files.iter().map(|file| file.to_string_lossy()).collect();
        let arguments: Vec<&str> = ["-9n"]
            .into_iter()
            .chain(files.iter().map(AsRef::as_ref))
            .collect();
        run("gzip", &arguments, &[])
    }

    fn control(&self, sources: &Path, version: &str, architecture: &str) -> Result<()> {
        for (name, mode) in CONTROL {
            self.file(
                &format!("DEBIAN/{name}"),
                &fs_err::read(sources.join(name))?,
                *mode,
            )?;
        }
        let size = output(
            "du",
            &["--summarize", "--block-size=1K", &self.root.to_string_lossy()],
        )?;
        let size = size.split_whitespace().next().unwrap_or("0");
        let control = fs_err::read_to_string(sources.join("control"))?
            .replace("@VERSION@", version)
            .replace("@ARCHITECTURE@", architecture)
            .replace("@INSTALLED_SIZE@", size)
            .replace("@DEPENDS@", &self.libraries()?);
        self.file("DEBIAN/control", control.as_bytes(), 0o644)
    }

    /// Answers the packages of the libraries that the program loads, in the versions that it was linked with.
    fn libraries(&self) -> Result<String> {
        let folder = self.root.with_extension("shlibdeps");
        fs_err::create_dir_all(folder.join("debian"))?;
        fs_err::write(
            folder.join("debian/control"),
            "Source: coracle\n\nPackage: coracle\nArchitecture: any\n",
        )?;
        let found = Command::new("dpkg-shlibdeps")
            .arg("-O")
            .arg(self.root.join("usr/bin/coracle"))
            .current_dir(&folder)
            .output()
            .context("cannot run `dpkg-shlibdeps`")?;
        fs_err::remove_dir_all(&folder)?;
        let text = String::from_utf8(found.stdout)?;
        match text.trim().strip_prefix("shlibs:Depends=") {
            Some(libraries) => Ok(libraries.to_owned()),
            None => bail!(
                "`dpkg-shlibdeps` failed: {}",
                String::from_utf8_lossy(&found.stderr)
            ),
        }
    }
}
