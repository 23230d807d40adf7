//! Writing a layer: one pass makes the compressed blob, both digests and the unpacked tree.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use coracle_content::{StagedTree, Store, StoreError};
use coracle_spec::{Class, Digest, Failure, Hasher};
use serde::{Deserialize, Serialize};

use crate::capture::Taken;
use crate::compression::{Compression, Encoder, HashingReader};
use crate::entry::Metadata;
use crate::path::{InvalidPath, LayerPath};
use crate::tar::{BLOCK, Body, encode, padding};
use crate::tree::{TreeWriter, finish_file};

const BUFFER: usize = 128 << 10;

/// A layer whose blob is in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// The digest of the uncompressed tar; the unpacked tree is kept under it.
    pub diff_id: Digest,
    /// The digest of the blob.
    pub digest: Digest,
    /// The size of the blob in bytes.
    pub size: u64,
    /// How the blob is compressed.
    pub compression: Compression,
    /// What made it, for an image's history.
    #[serde(default)]
    pub note: String,
}

impl Layer {
    /// Answers the layer with a note for the image's history.
    #[must_use]
    pub fn noted(self, note: impl Into<String>) -> Self {
        Self {
            note: note.into(),
            ..self
        }
    }

    /// Answers the media type of the blob.
    pub fn media_type(&self) -> &'static str {
        self.compression.media_type()
    }
}

/// How layers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LayerOptions {
    /// How the blob is compressed.
    pub compression: Compression,
    /// The latest time that an entry may have, in seconds since 1970; later ones become this. `i64::MAX` leaves
    /// all as they are.
    pub epoch: i64,
    /// When the unpacked tree is made.
    pub trees: Trees,
}

/// When a layer's unpacked tree is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trees {
    /// While the layer is written: for what will run here.
    #[default]
    Now,
    /// When [`crate::unpack()`] is called, if ever.
    Later,
}

/// Why a layer cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// A path cannot be in a layer.
    #[error("the layer has an unusable path")]
    Path(#[from] InvalidPath),
    /// The store refused.
    #[error("cannot store the layer")]
    Store(#[from] StoreError),
    /// The entry cannot be written into the layer's tree.
    #[error("cannot unpack `{path}` of the layer")]
    Tree {
        /// The entry.
        path: LayerPath,
        /// What the store's file system answered.
        source: StoreError,
    },
    /// A path occurs twice.
    #[error("`{path}` is in the layer already")]
    Duplicate {
        /// The path.
        path: LayerPath,
    },
    /// An entry lies in something that is no directory.
    #[error("`{path}` cannot be in the layer: `{parent}` is no directory there")]
    NotInDirectory {
        /// The entry.
        path: LayerPath,
        /// What it would be in.
        parent: LayerPath,
    },
    /// A hard link points to nothing before it.
    #[error("`{path}` is a hard link to `{target}`, which is no file earlier in the layer")]
    NoTarget {
        /// The link.
        path: LayerPath,
        /// What it points to.
        target: LayerPath,
    },
    /// The contents are not as long as was said.
    #[error("`{path}` changed while it was read: expected {expected} bytes, got {found}")]
    Size {
        /// The file.
        path: LayerPath,
        /// Its size as its header says.
        expected: u64,
        /// How many bytes there were, at least.
        found: u64,
    },
    /// The contents are not those that were expected.
    #[error("`{path}` changed while it was read")]
    Changed {
        /// The file.
        path: LayerPath,
    },
    /// The contents cannot be read.
    #[error("cannot read the contents of `{path}`")]
    Read {
        /// The file.
        path: LayerPath,
        /// What its reader answered.
        source: io::Error,
    },
}

impl Failure for LayerError {
    fn class(&self) -> Class {
        match self {
            Self::Store(source) | Self::Tree { source, .. } => source.class(),
            Self::Size { .. } | Self::Changed { .. } => Class::Conflict,
            Self::Path(_) | Self::Read { .. } => Class::User,
            Self::Duplicate { .. } | Self::NotInDirectory { .. } | Self::NoTarget { .. } => Class::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(source) | Self::Tree { source, .. } => source.hint(),
            Self::Size { .. } | Self::Changed { .. } => {
                Some("leave the folder alone while it is built, then build again".to_owned())
            }
            _ => None,
        }
    }
}

/// Writes a layer: `fill` adds its entries, in an order that depends on nothing but them.
///
/// Nothing is stored when `fill` fails.
pub fn write_layer<E: From<LayerError>>(
    store: &Store,
    options: &LayerOptions,
    fill: impl FnOnce(&mut LayerWriter) -> Result<(), E>,
) -> Result<Layer, E> {
    let mut writer = LayerWriter::new(store, options)?;
    fill(&mut writer)?;
    Ok(writer.finish()?)
}

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

/// The tree that is made beside the blob.
pub(crate) struct StagedWriter {
    staged: StagedTree,
    pub(crate) writer: TreeWriter,
}

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Directory,
    /// With the attributes that its further names repeat.
    File(Metadata),
    Other,
}

impl LayerWriter {
    fn new(store: &Store, options: &LayerOptions) -> Result<Self, LayerError> {
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

    fn contents(
        &mut self,
        path: &LayerPath,
        mut contents: Contents<'_, impl Read>,
    ) -> Result<(), LayerError> {
        let mut buffer = vec![0; BUFFER.min(usize::try_from(contents.size).unwrap_or(BUFFER) + 1)];
        let mut found = 0;
        loop {
            let count = match contents.input.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => {
                    return Err(LayerError::Read {
                        path: path.clone(),
                        source,
                    });
                }
            };
            found += count as u64;
            if found > contents.size {
                break;
            }
            self.write(&buffer[..count])?;
            if let Some(file) = &mut contents.copy {
                file.write_all(&buffer[..count])
                    .map_err(|error| self.tree_error(path, error))?;
            }
        }
        if found != contents.size {
            return Err(LayerError::Size {
                path: path.clone(),
                expected: contents.size,
                found,
            });
        }
        self.write(&[0; BLOCK][..padding(found)])
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), LayerError> {
        self.diff.update(bytes);
        let written = self.output.write_all(bytes);
        Ok(written.map_err(|error| StoreError::io("write", self.output.path(), error))?)
    }

    /// Does something in the tree, if one is made.
    pub(crate) fn in_tree<T>(
        &mut self,
        path: &LayerPath,
        act: impl FnOnce(&mut TreeWriter) -> io::Result<T>,
    ) -> Result<Option<T>, LayerError> {
        match &mut self.tree {
            None => Ok(None),
            Some(tree) => match act(&mut tree.writer) {
                Ok(value) => Ok(Some(value)),
                Err(error) => Err(self.tree_error(path, error)),
            },
        }
    }

    fn tree_error(&self, path: &LayerPath, error: io::Error) -> LayerError {
        let root = self
            .tree
            .as_ref()
            .map_or_else(PathBuf::new, |tree| tree.staged.path().to_owned());
        let source = StoreError::io("write", &root.join(path.as_path()), error);
        LayerError::Tree {
            path: path.clone(),
            source,
        }
    }

    fn finish(mut self) -> Result<Layer, LayerError> {
        self.write(&[0; 2 * BLOCK])?;
        let diff_id = self.diff.finish();
        let compression = self.output.compression();
        let blob = self.output.commit()?;
        if let Some(tree) = self.tree {
            tree.commit(&diff_id)?;
        }
        Ok(Layer {
            diff_id,
            digest: blob.digest,
            size: blob.size,
            compression,
            note: String::new(),
        })
    }
}

struct Contents<'a, R> {
    size: u64,
    input: R,
    copy: Option<&'a mut fs_err::File>,
}

impl StagedWriter {
    pub(crate) fn new(store: &Store) -> Result<Self, StoreError> {
        let staged = store.stage_tree()?;
        let writer =
            TreeWriter::new(staged.path()).map_err(|error| StoreError::io("open", staged.path(), error))?;
        Ok(Self { staged, writer })
    }

    pub(crate) fn commit(self, diff_id: &Digest) -> Result<coracle_content::Tree, StoreError> {
        let Self { staged, writer } = self;
        writer
            .finish()
            .map_err(|error| StoreError::io("finish", staged.path(), error))?;
        staged.commit(diff_id)
    }
}
