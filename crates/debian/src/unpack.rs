//! Unpacks one package into a tree.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;

use coracle_oci::tar::{Entry, Kind, Reader};
use coracle_oci::{InvalidPath, LayerPath, Metadata};

use crate::deb::{Control, Deb, DebError};
use crate::root::Writer;
use crate::{merge, prune};

/// Why a package cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The file is broken.
    #[error("the file is broken")]
    Deb(#[from] DebError),
    /// It holds a path that leads elsewhere.
    #[error("it holds an unusable path")]
    Path(#[from] InvalidPath),
    /// It holds something that no base has.
    #[error("it holds `{0}`, a device or a named pipe")]
    Special(LayerPath),
    /// An entry cannot be written.
    #[error("cannot write `{path}`")]
    Write {
        /// The entry.
        path: LayerPath,
        /// What the file system answered.
        source: io::Error,
    },
}

/// What is left to do for an unpacked package.
#[derive(Debug)]
pub(crate) struct Unpacked {
    pub(crate) control: Control,
    /// The directories it has, to be given their attributes last.
    pub(crate) directories: Vec<(LayerPath, Metadata)>,
    /// How many bytes were written.
    pub(crate) bytes: u64,
}

/// Unpacks `deb`; of what is no directory, what `takes` answers yes to.
pub(crate) fn unpack(
    deb: &mut Deb,
    tree: &mut Writer<'_>,
    takes: &mut dyn FnMut(&LayerPath) -> bool,
) -> Result<Unpacked, UnpackError> {
    let mut unpacked = Unpacked {
        control: deb.control()?,
        directories: Vec::new(),
        bytes: 0,
    };
    let mut archive = deb.data()?;
    while let Some(entry) = archive.next().map_err(DebError::from)? {
        let path = merge::place(&entry.path)?;
        if merge::is_link(&path) {
            continue;
        }
        if entry.kind == Kind::Directory {
            directory(&path, &entry.metadata, tree, &mut unpacked)?;
        } else if keeps(&path, &entry) && takes(&path) {
            let written = write(&path, &entry, &mut archive, tree);
            unpacked.bytes += written?;
        }
    }
    Ok(unpacked)
}

fn directory(
    path: &LayerPath,
    metadata: &Metadata,
    tree: &mut Writer<'_>,
    unpacked: &mut Unpacked,
) -> Result<(), UnpackError> {
    if path.is_root() || !path.as_path().to_str().is_none_or(prune::keeps_directory) {
        return Ok(());
    }
    tree.directory(path).map_err(|source| UnpackError::Write {
        path: path.clone(),
        source,
    })?;
    unpacked.directories.push((path.clone(), plain(metadata)));
    Ok(())
}

fn keeps(path: &LayerPath, entry: &Entry) -> bool {
    let is_link = matches!(entry.kind, Kind::Symlink { .. });
    path.as_path()
        .to_str()
        .is_none_or(|path| prune::keeps(path, is_link))
}

fn write(
    path: &LayerPath,
    entry: &Entry,
    archive: &mut Reader<impl io::Read>,
    tree: &mut Writer<'_>,
) -> Result<u64, UnpackError> {
    let metadata = plain(&entry.metadata);
    let written = match &entry.kind {
        Kind::File => tree.file(path, &metadata, archive),
        Kind::Symlink { target } => tree
            .symlink(path, OsStr::from_bytes(target), &metadata)
            .map(|()| 0),
        Kind::HardLink { target } => tree.hard_link(path, &merge::place(target)?).map(|()| 0),
        _ => return Err(UnpackError::Special(path.clone())),
    };
    written.map_err(|source| UnpackError::Write {
        path: path.clone(),
        source,
    })
}

/// Answers the attributes without extended ones, which packages do not have.
fn plain(metadata: &Metadata) -> Metadata {
    Metadata {
        xattrs: std::collections::BTreeMap::default(),
        ..metadata.clone()
    }
}
