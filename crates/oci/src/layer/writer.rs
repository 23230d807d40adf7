//! Taking the entries of a layer, one after the other.

mod bytes;

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use coracle_content::Store;
use coracle_spec::{Digest, Hasher};

use super::error::LayerError;
use super::staged::StagedWriter;
use super::{LayerOptions, Trees};
use crate::capture::Taken;
use crate::compression::{Encoder, HashingReader};
use crate::entry::Metadata;
use crate::path::LayerPath;
use crate::tar::{Body, encode};
use crate::tree::finish_file;

use bytes::Contents;

/// Takes the entries of a layer.
///
/// A directory that is missing is made with mode 0755, root's, of 1970; one that is there already stays as it was. Everything
/// else may occur once.
pub struct LayerWriter {
    output: Encoder,
    diff: Hasher,
    epoch: i64,
    seen: HashMap<LayerPath, Seen>,
    pub(crate) tree: Option<StagedWriter>,
}

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Directory,
    /// With the attributes that its further names repeat.
    File(Metadata),
    Other,
}

impl LayerWriter {
    pub(super) fn new(store: &Store, options: &LayerOptions) -> Result<Self, LayerError> {
        let tree = match options.trees {
            Trees::Now => Some(StagedWriter::new(store)?),
            Trees::Later => None,
        };
        Ok(Self {
            output: Encoder::new(store, options.compression)?,
            diff: Hasher::default(),
            epoch: options.epoch,
            seen: HashMap::from([(LayerPath::default(), Seen::Directory)]),
            tree,
        })
    }

    /// Answers whether the layer has an entry at `path`.
    pub fn contains(&self, path: impl AsRef<Path>) -> bool {
        LayerPath::new(path).is_ok_and(|path| self.seen.contains_key(&path))
    }

    /// Adds a directory.
    pub fn directory(&mut self, path: impl AsRef<Path>, metadata: &Metadata) -> Result<(), LayerError> {
        self.add_directory(&LayerPath::new(path)?, metadata)
    }

    /// Adds a file of `size` bytes, which `contents` yields.
    pub fn file(
        &mut self,
        path: impl AsRef<Path>,
        metadata: &Metadata,
        size: u64,
        contents: impl Read,
    ) -> Result<(), LayerError> {
        let path = LayerPath::new(path)?;
        let metadata = self.start(&path, Body::File { size }, metadata)?;
        self.seen.insert(path.clone(), Seen::File(metadata.clone()));
        let mut file = self.in_tree(&path, |tree| tree.file(&path))?;
        self.contents(
            &path,
            Contents {
                size,
                input: contents,
                copy: file.as_mut(),
            },
        )?;
        match &file {
            Some(file) => self.in_tree(&path, |_| finish_file(file, &metadata)).map(drop),
            None => Ok(()),
        }
    }

    /// Adds a file whose contents have been hashed already, and fails when they are others by now: what a key was
    /// made of is what the layer holds.
    pub fn expected_file(
        &mut self,
        path: impl AsRef<Path>,
        metadata: &Metadata,
        expected: (u64, &Digest),
        contents: impl Read,
    ) -> Result<(), LayerError> {
        let (size, digest) = expected;
        let mut contents = HashingReader::new(contents);
        self.file(path.as_ref(), metadata, size, &mut contents)?;
        match contents.finish() {
            found if found == *digest => Ok(()),
            _ => Err(LayerError::Changed {
                path: LayerPath::new(path)?,
            }),
        }
    }

    /// Adds a file that the tree takes over from where it is; copies it when that is on another file system.
    pub(crate) fn take_file(
        &mut self,
        path: &LayerPath,
        metadata: &Metadata,
        taken: Taken<'_>,
    ) -> Result<(), LayerError> {
        if !self.adopt(path, &taken)? {
            return self.file(path.as_path(), metadata, taken.size, taken.file);
        }
        let metadata = self.start(path, Body::File { size: taken.size }, metadata)?;
        self.seen.insert(path.clone(), Seen::File(metadata.clone()));
        self.contents(
            path,
            Contents {
                size: taken.size,
                input: &taken.file,
                copy: None,
            },
        )?;
        self.in_tree(path, |_| finish_file(&taken.file, &metadata))
            .map(drop)
    }

    /// Adds a file with these bytes.
    pub fn bytes(
        &mut self,
        path: impl AsRef<Path>,
        metadata: &Metadata,
        bytes: impl AsRef<[u8]>,
    ) -> Result<(), LayerError> {
        let bytes = bytes.as_ref();
        self.file(path, metadata, bytes.len() as u64, bytes)
    }

    /// Adds a symbolic link; nothing is asked of its target.
    pub fn symlink(
        &mut self,
        path: impl AsRef<Path>,
        target: impl AsRef<Path>,
        metadata: &Metadata,
    ) -> Result<(), LayerError> {
        use std::os::unix::ffi::OsStrExt;
        let path = LayerPath::new(path)?;
        let target = target.as_ref().as_os_str().as_bytes();
        let metadata = self.start(&path, Body::Symlink { target }, metadata)?;
        self.seen.insert(path.clone(), Seen::Other);
        self.in_tree(&path, |tree| tree.symlink(&path, target, &metadata))
            .map(drop)
    }

    /// Adds a named pipe.
    pub fn pipe(&mut self, path: impl AsRef<Path>, metadata: &Metadata) -> Result<(), LayerError> {
        let path = LayerPath::new(path)?;
        let metadata = self.start(&path, Body::Pipe, metadata)?;
        self.seen.insert(path.clone(), Seen::Other);
        self.in_tree(&path, |tree| tree.pipe(&path, &metadata)).map(drop)
    }

    /// Adds a further name of the file that was added as `target`.
    pub fn hard_link(&mut self, path: impl AsRef<Path>, target: impl AsRef<Path>) -> Result<(), LayerError> {
        let path = LayerPath::new(path)?;
        let target = LayerPath::new(target)?;
        let Some(Seen::File(metadata)) = self.seen.get(&target) else {
            return Err(LayerError::NoTarget { path, target });
        };
        // Some tools set a link's attributes on the file that it names.
        let metadata = metadata.clone();
        self.start(
            &path,
            Body::HardLink {
                target: target.as_bytes(),
            },
            &metadata,
        )?;
        self.seen.insert(path.clone(), Seen::File(metadata));
        self.in_tree(&path, |tree| tree.hard_link(&path, &target))
            .map(drop)
    }

    /// Hides what lower layers have at `path` (image-spec, layer.md, "Whiteouts").
    pub fn whiteout(&mut self, path: impl AsRef<Path>) -> Result<(), LayerError> {
        let path = LayerPath::new(path)?;
        let mut marker = std::ffi::OsString::from(".wh.");
        marker.push(path.name().unwrap_or_default());
        self.marker(&path.parent().unwrap_or_default().join(&marker)?)?;
        self.in_tree(&path, |tree| tree.whiteout(&path)).map(drop)
    }

    /// Hides what lower layers have in the directory `path` (image-spec, layer.md, "Opaque Whiteout").
    pub fn opaque(&mut self, path: impl AsRef<Path>) -> Result<(), LayerError> {
        let path = LayerPath::new(path)?;
        self.marker(&path.join(".wh..wh..opq".as_ref())?)?;
        self.in_tree(&path, |tree| tree.opaque(&path)).map(drop)
    }

    /// Gives the file its place in the tree; answers whether it has one there now.
    fn adopt(&mut self, path: &LayerPath, taken: &Taken<'_>) -> Result<bool, LayerError> {
        use rustix::io::Errno;
        let is_new = !self.seen.contains_key(path);
        let Some(tree) = self.tree.as_mut().filter(|_| is_new) else {
            return Ok(false);
        };
        let Err(error) = tree.writer.adopt(path, taken.parent, taken.name) else {
            return Ok(true);
        };
        match Errno::from_io_error(&error) {
            Some(Errno::XDEV | Errno::MLINK | Errno::PERM) => Ok(false),
            _ => Err(self.tree_error(path, error)),
        }
    }

    fn marker(&mut self, path: &LayerPath) -> Result<(), LayerError> {
        self.start(path, Body::File { size: 0 }, &Metadata::file())?;
        self.seen.insert(path.clone(), Seen::Other);
        Ok(())
    }

    pub(crate) fn add_directory(&mut self, path: &LayerPath, metadata: &Metadata) -> Result<(), LayerError> {
        if self.seen.get(path) == Some(&Seen::Directory) {
            return Ok(());
        }
        let metadata = self.start(path, Body::Directory, metadata)?;
        self.seen.insert(path.clone(), Seen::Directory);
        self.in_tree(path, |tree| tree.directory(path, &metadata))
            .map(drop)
    }

    /// Checks an entry's place, writes its headers, and answers its attributes as they are in the layer.
    fn start(
        &mut self,
        path: &LayerPath,
        body: Body<'_>,
        metadata: &Metadata,
    ) -> Result<Metadata, LayerError> {
        if self.seen.contains_key(path) {
            return Err(LayerError::Duplicate { path: path.clone() });
        }
        self.make_parents(path)?;
        let metadata = Metadata {
            mtime: metadata.mtime.min(self.epoch),
            ..metadata.clone()
        };
        self.write(&encode(path.as_bytes(), body, &metadata))?;
        Ok(metadata)
    }

    /// Adds the directories that `path` lies in and that are missing.
    fn make_parents(&mut self, path: &LayerPath) -> Result<(), LayerError> {
        let mut missing = Vec::new();
        let mut parent = path.parent().unwrap_or_default();
        while !self.seen.contains_key(&parent) {
            let above = parent.parent().unwrap_or_default();
            missing.push(parent);
            parent = above;
        }
        if self.seen.get(&parent) != Some(&Seen::Directory) {
            return Err(LayerError::NotInDirectory {
                path: path.clone(),
                parent,
            });
        }
        let metadata = Metadata::directory();
        missing
            .iter()
            .rev()
            .try_for_each(|parent| self.add_directory(parent, &metadata))
    }
}
