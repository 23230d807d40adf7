//! Places inside a root file system: found, or made, without ever leaving it.
//!
//! A foreign image may hold any symbolic link, such as `/etc` to `..` many times over. Everything is resolved by the
//! kernel with the root as the only world there is (openat2(2), `RESOLVE_IN_ROOT`).

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Gid, Mode, OFlags, ResolveFlags, Uid, chownat, mkdirat, openat2};
use rustix::io::Errno;

use crate::id_map::IdBase;

/// How many links that lead to nothing are followed, one after the other.
const MOST_LINKS: usize = 8;

/// A root file system under construction.
pub(super) struct Root {
    root: OwnedFd,
    base: IdBase,
}

impl Root {
    /// Opens the root at `path`, in which what is made belongs to the root user of `base`.
    pub(super) fn open(path: &Path, base: IdBase) -> io::Result<Self> {
        let root = rustix::fs::openat(
            CWD,
            path,
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        Ok(Self { root, base })
    }

    /// Opens the directory `target`, making what is missing of it.
    pub(super) fn directory(&self, target: &Path) -> io::Result<OwnedFd> {
        self.directory_of(target, (0, 0))
    }

    /// Does the same for directories that belong to another user and group inside.
    pub(super) fn directory_of(&self, target: &Path, owner: (u32, u32)) -> io::Result<OwnedFd> {
        let mut reached = PathBuf::from(".");
        let mut directory = self.resolve(&reached, OFlags::DIRECTORY)?;
        for name in names(target)? {
            reached.push(name);
            directory = match self.resolve(&reached, OFlags::DIRECTORY) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.make_directory(&directory, name, owner)?;
                    self.resolve(&reached, OFlags::DIRECTORY)?
                }
                other => other?,
            };
        }
        Ok(directory)
    }

    /// Opens the file `target`, making an empty one and its directories when there is none: where a link leads, if one is
    /// there that leads to nothing, as `/etc/resolv.conf` often does.
    pub(super) fn file(&self, target: &Path) -> io::Result<OwnedFd> {
        let mut target = target.to_owned();
        for _ in 0..MOST_LINKS {
            match self.file_at(&target) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    target = self.behind(&target)?;
                }
                opened => return opened,
            }
        }
        Err(Errno::LOOP.into())
    }

    /// Answers where the link at `target` leads, by its text.
    fn behind(&self, target: &Path) -> io::Result<PathBuf> {
        let parent = target.parent().unwrap_or(Path::new("/"));
        let directory = self.directory(parent)?;
        let link = rustix::fs::readlinkat(&directory, target.file_name().unwrap_or_default(), Vec::new())?;
        let mut behind = PathBuf::from("/");
        for part in parent.join(OsStr::from_bytes(link.as_bytes())).components() {
            match part {
                Component::Normal(name) => behind.push(name),
                Component::ParentDir => drop(behind.pop()),
                Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
            }
        }
        Ok(behind)
    }

    fn file_at(&self, target: &Path) -> io::Result<OwnedFd> {
        let invalid = || io::Error::new(io::ErrorKind::InvalidInput, "the path names no file");
        let name = target.file_name().ok_or_else(invalid)?;
        let directory = self.directory(target.parent().ok_or_else(invalid)?)?;
        let whole: PathBuf = names(target)?.into_iter().collect();
        match self.resolve(&whole, OFlags::empty()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let flags =
                    OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                drop(rustix::fs::openat(
                    &directory,
                    name,
                    flags,
                    Mode::from_raw_mode(0o644),
                )?);
                self.own(&directory, name, (0, 0))?;
                self.resolve(&whole, OFlags::empty())
            }
            found => found,
        }
    }

    /// Opens what is at `target`, a file or a directory that is there.
    pub(super) fn existing(&self, target: &Path) -> io::Result<OwnedFd> {
        let relative: PathBuf = std::iter::once(".".as_ref()).chain(names(target)?).collect();
        self.resolve(&relative, OFlags::empty())
    }

    fn resolve(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let flags = flags | OFlags::PATH | OFlags::CLOEXEC;
        // The kernel asks for another try when something was renamed meanwhile; here nobody renames.
        Ok(openat2(
            &self.root,
            path,
            flags,
            Mode::empty(),
            ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS,
        )?)
    }

    fn make_directory(&self, parent: &OwnedFd, name: &OsStr, owner: (u32, u32)) -> io::Result<()> {
        match mkdirat(parent, name, Mode::from_raw_mode(0o755)) {
            Ok(()) => self.own(parent, name, owner),
            // A symbolic link that leads nowhere.
            Err(Errno::EXIST) => Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "a broken symbolic link is in the way",
            )),
            Err(errno) => Err(errno.into()),
        }
    }

    fn own(&self, parent: &OwnedFd, name: &OsStr, (uid, gid): (u32, u32)) -> io::Result<()> {
        let (uid, gid) = (self.base.outer(uid), self.base.outer(gid));
        let owner = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        Ok(chownat(
            parent,
            name,
            owner.0,
            owner.1,
            AtFlags::SYMLINK_NOFOLLOW,
        )?)
    }
}

/// Answers the parts of an absolute path without `.` and `..`.
fn names(path: &Path) -> io::Result<Vec<&std::ffi::OsStr>> {
    let mut components = path.components();
    if components.next() != Some(Component::RootDir) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the path inside must be absolute",
        ));
    }
    components
        .map(|component| match component {
            Component::Normal(name) => Ok(name),
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the path inside must not contain `..`",
            )),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    fn root() -> (tempfile::TempDir, Root) {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path(), IdBase::of_count(0)).unwrap();
        (directory, root)
    }

    #[test]
    fn missing_directories_and_files_are_made_and_owned_by_the_inner_root() {
        let (directory, root) = root();
        root.file(Path::new("/run/secrets/token")).expect("needs root");
        let made = directory.path().join("run/secrets/token");
        assert_eq!(made.metadata().unwrap().uid(), IdBase::of_count(0).outer(0));
        assert_eq!(
            made.parent().unwrap().metadata().unwrap().uid(),
            IdBase::of_count(0).outer(0)
        );
    }

    #[test]
    fn links_lead_inside_however_they_are_written() {
        let (directory, root) = root();
        std::fs::create_dir(directory.path().join("real")).unwrap();
        for (name, link) in [
            ("absolute", "/real"),
            ("climbing", "../../../../real"),
            ("plain", "real"),
        ] {
            symlink(link, directory.path().join(name)).unwrap();
            root.file(&Path::new("/").join(name).join(name))
                .expect("needs root");
            assert!(directory.path().join("real").join(name).is_file(), "{name}");
        }
        symlink("../run/no/such/file", directory.path().join("real/gone")).unwrap();
        root.file(Path::new("/real/gone")).expect("needs root");
        assert!(directory.path().join("run/no/such/file").is_file());
        symlink("/no/such/place", directory.path().join("broken")).unwrap();
        assert!(root.directory(Path::new("/broken/x")).is_err());
        assert!(!Path::new("/no").exists());
    }

    #[test]
    fn relative_paths_and_parents_are_refused() {
        let (_directory, root) = root();
        for bad in ["etc/x", "", "/a/../b"] {
            assert!(root.directory(Path::new(bad)).is_err(), "{bad}");
        }
    }
}
