//! What maintainer scripts would have done, done without running them.
//!
//! Of the packages that bases are made of, few have scripts that matter in a fresh image, and those do a handful
//! of things: make users, bundle certificates, choose alternatives, make directories.

use std::io;

use coracle_oci::{InvalidPath, LayerPath, Metadata};

use crate::alternatives::{self, Alternative};
use crate::deb::Control;
use crate::merge;
use crate::release::Arch;
use crate::root::{Directories, Root};

/// The most bytes of a file that a fix reads.
const LIMIT: u64 = 1 << 20;

/// The user that images run as, and its group: above Debian's own ids, below those that user namespaces shift to.
const NONROOT: u32 = 65532;

const NSSWITCH: &str = "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\n\
                        protocols: files\nservices: files\nethers: files\nrpc: files\n";

/// Directories that every base has, with their modes.
const DIRECTORIES: [(&str, u32); 14] = [
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("mnt", 0o755),
    ("opt", 0o755),
    ("proc", 0o755),
    ("root", 0o700),
    ("run", 0o755),
    ("run/lock", 0o1777),
    ("srv", 0o755),
    ("sys", 0o755),
    ("tmp", 0o1777),
    ("usr/local/bin", 0o755),
    ("var/tmp", 0o1777),
];

/// Links that every base has.
const LINKS: [(&str, &str); 5] = [
    ("etc/localtime", "/usr/share/zoneinfo/Etc/UTC"),
    ("usr/lib/ssl/cert.pem", "/etc/ssl/certs/ca-certificates.crt"),
    ("usr/lib/ssl/certs", "/etc/ssl/certs"),
    ("var/lock", "/run/lock"),
    ("var/run", "/run"),
];

/// Why a fix could not be made.
#[derive(Debug, thiserror::Error)]
pub enum FixError {
    /// A file could not be read or written.
    #[error("cannot read or write `{path}`")]
    Io {
        /// The file.
        path: LayerPath,
        /// What the file system answered.
        source: io::Error,
    },
    /// A path in a package is unusable.
    #[error("a package has an unusable path")]
    Path(#[from] InvalidPath),
    /// A file that must be there is not.
    #[error("no package brought `{0}`")]
    Missing(&'static str),
}

/// Completes a tree.
pub(crate) struct Fixes<'a> {
    pub(crate) root: &'a Root,
    /// The tree below, which has files that this one's links may lead to.
    pub(crate) below: Option<&'a Root>,
    pub(crate) directories: &'a mut Directories,
}

impl Fixes<'_> {
    /// Makes what every base has; for the lowest tree.
    pub(crate) fn skeleton(&mut self, arch: Arch) -> Result<(), FixError> {
        for (name, target) in merge::links(arch) {
            self.link(name, &target)?;
            self.directory(&target, Metadata::directory())?;
        }
        for (path, mode) in DIRECTORIES {
            self.directory(path, Metadata::with_mode(mode))?;
        }
        for (path, target) in LINKS {
            self.link(path, target)?;
        }
        self.write("etc/nsswitch.conf", NSSWITCH.as_bytes())?;
        self.users()?;
        self.certificates()
    }

    /// Makes the links of `packages`' alternatives, and notes that the packages are installed.
    pub(crate) fn packages<'c>(
        &mut self,
        packages: impl Iterator<Item = (&'c str, &'c Control)>,
    ) -> Result<(), FixError> {
        for (name, control) in packages {
            for alternative in alternatives::in_postinst(&control.postinst) {
                self.alternative(&alternative)?;
            }
            self.write(
                &format!("var/lib/dpkg/status.d/{name}"),
                status(&control.control).as_bytes(),
            )?;
        }
        for alternative in self.jvm()?.into_iter().chain(alternatives::known()) {
            self.alternative(&alternative)?;
        }
        Ok(())
    }

    fn users(&mut self) -> Result<(), FixError> {
        let passwd = self
            .master("usr/share/base-passwd/passwd.master")?
            .replace("/bin/bash", "/usr/sbin/nologin");
        let group = self.master("usr/share/base-passwd/group.master")?;
        let user = format!("nonroot:x:{NONROOT}:{NONROOT}:nonroot:/home/nonroot:/usr/sbin/nologin\n");
        self.write("etc/passwd", (passwd + &user).as_bytes())?;
        self.write(
            "etc/group",
            (group + &format!("nonroot:x:{NONROOT}:\n")).as_bytes(),
        )?;
        self.directory(
            "home/nonroot",
            Metadata {
                uid: NONROOT,
                gid: NONROOT,
                ..Metadata::with_mode(0o700)
            },
        )
    }

    fn master(&self, path: &'static str) -> Result<String, FixError> {
        let bytes = self
            .read(&LayerPath::new(path)?)?
            .ok_or(FixError::Missing(path))?;
        Ok(String::from_utf8_lossy(&bytes).replace(":*:", ":x:"))
    }

    /// Bundles Mozilla's certificates as `update-ca-certificates` does. The links by hash are not needed: what
    /// looks for certificates reads the bundle.
    fn certificates(&mut self) -> Result<(), FixError> {
        let folder = "usr/share/ca-certificates/mozilla";
        let mut bundle = Vec::new();
        for path in self.list(folder)? {
            if path.as_path().extension().is_some_and(|ending| ending == "crt") {
                let certificate = self.read(&path)?.unwrap_or_default();
                bundle.extend_from_slice(certificate.trim_ascii_end());
                bundle.push(b'\n');
            }
        }
        if bundle.is_empty() {
            return Err(FixError::Missing(folder));
        }
        self.write("etc/ssl/certs/ca-certificates.crt", &bundle)
    }

    fn jvm(&self) -> Result<Vec<Alternative>, FixError> {
        let mut found = Vec::new();
        for path in self.list("usr/lib/jvm")? {
            if path.as_path().extension().is_some_and(|ending| ending == "jinfo") {
                let text = self.read(&path)?.unwrap_or_default();
                found.extend(alternatives::in_jinfo(&String::from_utf8_lossy(&text)));
            }
        }
        Ok(found)
    }

    /// Links to the target if it exists and nothing has the link's name.
    fn alternative(&mut self, alternative: &Alternative) -> Result<(), FixError> {
        let link = merge::place(alternative.link.trim_start_matches('/').as_bytes())?;
        let target = merge::place(alternative.target.trim_start_matches('/').as_bytes())?;
        if self.exists(&target) && !self.exists(&link) {
            let made = self
                .root
                .writer()
                .symlink(&link, &alternative.target, &Metadata::symlink());
            made.map_err(failed(&link))?;
        }
        Ok(())
    }

    fn exists(&self, path: &LayerPath) -> bool {
        self.root.contains(path) || self.below.is_some_and(|below| below.contains(path))
    }

    fn directory(&mut self, path: &str, metadata: Metadata) -> Result<(), FixError> {
        let path = LayerPath::new(path)?;
        self.root.writer().directory(&path).map_err(failed(&path))?;
        self.directories.insert(path, metadata);
        Ok(())
    }

    /// Makes a link, also where `base-files` has an empty directory that its script replaces.
    fn link(&mut self, path: &str, target: &str) -> Result<(), FixError> {
        let path = LayerPath::new(path)?;
        let mut writer = self.root.writer();
        let made = writer
            .remove_empty_directory(&path)
            .and_then(|()| writer.symlink(&path, target, &Metadata::symlink()));
        made.map_err(failed(&path))
    }

    fn write(&mut self, path: &str, mut contents: &[u8]) -> Result<(), FixError> {
        let path = LayerPath::new(path)?;
        let written = self.root.writer().file(&path, &Metadata::file(), &mut contents);
        written.map(drop).map_err(failed(&path))
    }

    fn read(&self, path: &LayerPath) -> Result<Option<Vec<u8>>, FixError> {
        self.root.read(path, LIMIT).map_err(failed(path))
    }

    fn list(&self, path: &str) -> Result<Vec<LayerPath>, FixError> {
        let path = LayerPath::new(path)?;
        self.root.list(&path).map_err(failed(&path))
    }
}

fn failed(path: &LayerPath) -> impl FnOnce(io::Error) -> FixError {
    let path = path.clone();
    move |source| FixError::Io { path, source }
}

/// Answers the entry of dpkg's database that says the package is installed; image scanners read it.
fn status(control: &str) -> String {
    let (package, rest) = control.trim().split_once('\n').unwrap_or((control.trim(), ""));
    format!("{package}\nStatus: install ok installed\n{rest}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installed_package_says_so() {
        assert_eq!(
            status("Package: a\nVersion: 1\n"),
            "Package: a\nStatus: install ok installed\nVersion: 1\n"
        );
    }
}
