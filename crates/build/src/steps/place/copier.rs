//! Copies trees of files into a root file system, never leaving it.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use coracle_oci::Metadata;
use coracle_plan::patterns::clean;
use coracle_spec::Hasher;
use fs_err as fs;
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Uid};
use tokio_util::sync::CancellationToken;

use super::error::PlaceError;
use super::mode::ModeChange;
use super::sources::{From, existing};
use crate::files::{Files as _, Node, NodeKind, Root, Rules, Visit, resolve, walk};
use crate::steps::EPOCH;

const BUFFER: usize = 128 << 10;
const SET_GROUP_ID: u32 = 0o2000;

/// What is copied, and how.
pub(super) struct Goods<'a> {
    pub(super) from: &'a From,
    pub(super) rules: &'a Rules,
    /// Whether a folder means its contents.
    pub(super) is_contents: bool,
}

/// Takes everything.
static EVERYTHING: std::sync::LazyLock<Rules> = std::sync::LazyLock::new(Rules::default);

impl<'a> Goods<'a> {
    /// Those of a single file.
    pub(super) fn single(from: &'a From) -> Self {
        Self {
            from,
            rules: &EVERYTHING,
            is_contents: false,
        }
    }
}

/// Copies into one root file system.
pub(super) struct Copier<'a> {
    pub(super) to: &'a Root,
    /// User and group of everything, unless things keep theirs.
    pub(super) owner: Option<(u32, u32)>,
    pub(super) mode: Option<ModeChange>,
    /// The times of folders, set last, since each entry made in them changes it.
    pub(super) times: BTreeMap<PathBuf, i64>,
    pub(super) cancel: &'a CancellationToken,
}

/// The first copies of files with several names.
type Links = HashMap<(u64, u64), PathBuf>;

impl Copier<'_> {
    /// Copies what is at `source` to the absolute path `to`.
    pub(super) fn copy(&mut self, goods: &Goods<'_>, source: &Path, to: &str) -> Result<(), PlaceError> {
        let files = goods.from.files();
        let top = existing(files, source)?;
        let is_folder = files.node(&top)?.is_some_and(|node| node.is_folder());
        let target = self.target(source, (is_folder, goods.is_contents), to)?;
        let mut links = Links::new();
        walk(files, &top, goods.rules, &mut |visit| {
            let path = match visit.relative.as_os_str() {
                top if top.is_empty() => target.clone(),
                _ => target.join(&visit.relative),
            };
            self.put(goods.from, visit, &path, &mut links)
        })
    }

    /// Sets the times of the folders that were made or changed.
    pub(super) fn finish(&self) -> Result<(), PlaceError> {
        for (path, time) in &self.times {
            self.set_time(path, *time).map_err(PlaceError::at(path))?;
        }
        Ok(())
    }

    /// Answers where something goes; the folders in front of that are there afterwards.
    fn target(
        &mut self,
        source: &Path,
        (is_folder, is_contents): (bool, bool),
        to: &str,
    ) -> Result<PathBuf, PlaceError> {
        let whole = clean(to);
        let whole = Path::new(&whole);
        let front = if is_folder_path(to) {
            whole
        } else {
            whole.parent().unwrap_or(whole)
        };
        let parents = ModeChange::of_parents(self.mode.as_ref());
        self.make_folders(&self.resolved(front)?, parents)?;
        let mut target = self.resolved(whole)?;
        let there = self.to.node(&target).map_err(PlaceError::at(&target))?;
        let goes_into = match there {
            Some(_) if is_folder => !is_contents,
            Some(there) => there.is_folder(),
            None => false,
        };
        if goes_into {
            target.push(source.file_name().unwrap_or_default());
        }
        let needed = match there {
            None if is_contents && is_folder => target.clone(),
            _ => target.parent().unwrap_or(Path::new("")).to_owned(),
        };
        self.make_folders(&needed, parents)?;
        Ok(target)
    }

    fn resolved(&self, path: &Path) -> Result<PathBuf, PlaceError> {
        resolve(self.to, path).map_err(PlaceError::at(path))
    }

    /// Makes what is missing of the folder `path`, in which no link is.
    pub(super) fn make_folders(&mut self, path: &Path, mode: u32) -> Result<(), PlaceError> {
        match self.to.node(path).map_err(PlaceError::at(path))? {
            Some(node) if node.is_folder() => return Ok(()),
            Some(_) => return Err(PlaceError::ReplacesFile(Path::new("/").join(path))),
            None => {}
        }
        self.make_folders(path.parent().unwrap_or(Path::new("")), mode)?;
        let (uid, gid) = self.owner.unwrap_or((0, 0));
        self.make_folder(path).map_err(PlaceError::at(path))?;
        // What a folder takes over of the one that it is in stays.
        let folder = self.to.node(path).map_err(PlaceError::at(path))?;
        let inherited = folder.map_or(0, |node| node.mode & SET_GROUP_ID);
        self.own(path, (uid, gid), Some(mode | inherited))
            .map_err(PlaceError::at(path))?;
        self.times.insert(path.to_owned(), EPOCH);
        Ok(())
    }

    fn put(
        &mut self,
        from: &From,
        visit: &Visit,
        target: &Path,
        links: &mut Links,
    ) -> Result<(), PlaceError> {
        if self.cancel.is_cancelled() {
            return Err(PlaceError::Cancelled);
        }
        match visit.node.kind {
            NodeKind::Folder => self.put_folder(from, visit, target),
            NodeKind::File => self.put_file(from, visit, target, links),
            NodeKind::Link => {
                self.clear(target)?;
                let made = from.files().link(&visit.path).and_then(|to| {
                    let (folder, name) = self.to.place(target)?;
                    Ok(rustix::fs::symlinkat(&to, &folder, name)?)
                });
                made.and_then(|()| self.finish_special(from, &visit.node, target))
                    .map_err(PlaceError::at(target))
            }
            NodeKind::Pipe => {
                self.clear(target)?;
                let made = self.to.place(target).and_then(|(folder, name)| {
                    let mode = Mode::from_raw_mode(0o600);
                    Ok(rustix::fs::mknodat(&folder, name, FileType::Fifo, mode, 0)?)
                });
                made.and_then(|()| self.finish_special(from, &visit.node, target))
                    .map_err(PlaceError::at(target))
            }
            // No layer holds a socket or a device.
            NodeKind::Other => Ok(()),
        }
    }

    /// A folder that is there already takes over the copy's attributes, unless it is the destination itself.
    fn put_folder(&mut self, from: &From, visit: &Visit, target: &Path) -> Result<(), PlaceError> {
        let at = || PlaceError::at(target);
        let is_new = match self.to.node(target).map_err(at())? {
            None => true,
            Some(node) if node.is_folder() => false,
            Some(_) => return Err(PlaceError::ReplacesFile(Path::new("/").join(target))),
        };
        if is_new {
            self.make_folder(target).map_err(at())?;
        } else if visit.relative.as_os_str().is_empty() {
            return Ok(());
        }
        let node = &visit.node;
        if visit.is_owed && !is_new {
            return self.chmod(target, node.mode).map_err(at());
        }
        self.own(target, self.owner_of(node), Some(self.mode_of(node)))
            .map_err(at())?;
        if from.has_attributes() {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY;
            let copied = from
                .root()
                .open_at(&visit.path, flags)
                .and_then(|source| copy_attributes(&source, &self.to.open_at(target, flags)?));
            copied.map_err(at())?;
        }
        self.times.insert(target.to_owned(), from.time(node));
        Ok(())
    }

    fn put_file(
        &mut self,
        from: &From,
        visit: &Visit,
        target: &Path,
        links: &mut Links,
    ) -> Result<(), PlaceError> {
        self.clear(target)?;
        if let Some(inode) = visit.node.inode {
            if let Some(first) = links.get(&inode) {
                return self.link(first, target).map_err(PlaceError::at(target));
            }
            links.insert(inode, target.to_owned());
        }
        let input = from.open(&visit.path).map_err(PlaceError::Read)?;
        let output = self.create(target).map_err(PlaceError::at(target))?;
        if !copy(from, &visit.path, (&input, &output)).map_err(PlaceError::at(target))? {
            return Err(PlaceError::Changed(visit.path.clone()));
        }
        self.finish_file(from, &visit.node, (&input, &output))
            .map_err(PlaceError::at(target))
    }

    /// Removes what is at `path`, so that something other than a folder can be made there.
    pub(super) fn clear(&mut self, path: &Path) -> Result<(), PlaceError> {
        match self.to.node(path).map_err(PlaceError::at(path))? {
            None => {}
            Some(node) if node.is_folder() => {
                return Err(PlaceError::ReplacesFolder(Path::new("/").join(path)));
            }
            Some(_) => {
                let removed = self
                    .to
                    .place(path)
                    .and_then(|(folder, name)| Ok(rustix::fs::unlinkat(&folder, name, AtFlags::empty())?));
                removed.map_err(PlaceError::at(path))?;
            }
        }
        self.touch_parent(path);
        Ok(())
    }

    pub(super) fn touch_parent(&mut self, path: &Path) {
        let parent = path.parent().unwrap_or(Path::new(""));
        self.times.entry(parent.to_owned()).or_insert(EPOCH);
    }

    fn make_folder(&mut self, path: &Path) -> io::Result<()> {
        self.touch_parent(path);
        let (folder, name) = self.to.place(path)?;
        Ok(rustix::fs::mkdirat(&folder, name, Mode::from_raw_mode(0o700))?)
    }

    pub(super) fn create(&self, path: &Path) -> io::Result<fs::File> {
        let (folder, name) = self.to.place(path)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&folder, name, flags, Mode::from_raw_mode(0o600))?;
        Ok(fs::File::from_parts(file.into(), path))
    }

    pub(super) fn link(&self, first: &Path, path: &Path) -> io::Result<()> {
        let (from, old) = self.to.place(first)?;
        let (folder, name) = self.to.place(path)?;
        Ok(rustix::fs::linkat(&from, old, &folder, name, AtFlags::empty())?)
    }

    fn finish_file(
        &self,
        from: &From,
        node: &Node,
        (input, output): (&fs::File, &fs::File),
    ) -> io::Result<()> {
        let (uid, gid) = self.owner_of(node);
        rustix::fs::fchown(output, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
        rustix::fs::fchmod(output, Mode::from_raw_mode(self.mode_of(node)))?;
        if from.has_attributes() {
            copy_attributes(input, output)?;
        }
        Ok(rustix::fs::futimens(
            output,
            &Metadata::times_of(from.time(node)),
        )?)
    }

    fn finish_special(&self, from: &From, node: &Node, path: &Path) -> io::Result<()> {
        let mode = (node.kind != NodeKind::Link).then(|| self.mode_of(node));
        self.own(path, self.owner_of(node), mode)?;
        self.set_time(path, from.time(node))
    }

    fn owner_of(&self, node: &Node) -> (u32, u32) {
        self.owner.unwrap_or((node.uid, node.gid))
    }

    fn mode_of(&self, node: &Node) -> u32 {
        match &self.mode {
            Some(change) => change.apply(node.mode, node.is_folder()),
            None => node.mode,
        }
    }

    /// Sets owner, then mode, which a change of owner takes bits off.
    pub(super) fn own(&self, path: &Path, (uid, gid): (u32, u32), mode: Option<u32>) -> io::Result<()> {
        let (folder, name) = self.to.place(path)?;
        let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        rustix::fs::chownat(&folder, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?;
        mode.map_or(Ok(()), |mode| self.chmod(path, mode))
    }

    fn chmod(&self, path: &Path, mode: u32) -> io::Result<()> {
        let (folder, name) = self.to.place(path)?;
        Ok(rustix::fs::chmodat(
            &folder,
            name,
            Mode::from_raw_mode(mode),
            AtFlags::empty(),
        )?)
    }

    pub(super) fn set_time(&self, path: &Path, time: i64) -> io::Result<()> {
        if path.as_os_str().is_empty() {
            let top = self.to.open_at(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
            return Ok(rustix::fs::futimens(top, &Metadata::times_of(time))?);
        }
        let (folder, name) = self.to.place(path)?;
        Ok(rustix::fs::utimensat(
            &folder,
            name,
            &Metadata::times_of(time),
            AtFlags::SYMLINK_NOFOLLOW,
        )?)
    }
}

/// Answers whether a destination is a folder whatever is there.
fn is_folder_path(to: &str) -> bool {
    to.ends_with('/') || to.ends_with("/.")
}

/// Copies the contents of the file that was opened at `path`; answers whether they are what they must be. What is known
/// to be unchanged since it was hashed is not hashed again.
fn copy(from: &From, path: &Path, (input, output): (&fs::File, &fs::File)) -> io::Result<bool> {
    let Some(expected) = from.expected(path) else {
        return copy_pieces(input, output, |_| {}).map(|()| true);
    };
    if from.is_known(path, input, expected) {
        copy_pieces(input, output, |_| {})?;
        return Ok(from.is_known(path, input, expected));
    }
    let mut hasher = Hasher::default();
    copy_pieces(input, output, |piece| hasher.update(piece))?;
    Ok(hasher.finish() == expected)
}

/// Copies a file's contents and shows them to `see`. Letting the kernel copy lost: between file systems it does so page
/// by page, which took as much time as hashing.
fn copy_pieces(mut input: &fs::File, mut output: &fs::File, mut see: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        match input.read(&mut buffer)? {
            0 => return Ok(()),
            count => {
                see(&buffer[..count]);
                output.write_all(&buffer[..count])?;
            }
        }
    }
}

/// Copies the extended attributes that mean the same everywhere.
fn copy_attributes(from: &impl std::os::fd::AsFd, to: &impl std::os::fd::AsFd) -> io::Result<()> {
    coracle_oci::copy_xattrs(from.as_fd(), to.as_fd())
}
