//! Files of the source.

use std::io;
use std::path::{Path, PathBuf};

use coracle_content::Store;
use coracle_oci::{Layer, LayerError, LayerWriter, Metadata, write_layer};
use coracle_plan::Copy;
use coracle_spec::{Class, Failure};
use fs_err as fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{EPOCH, layer_options};

/// Why files of the source cannot be put into a layer.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A file cannot be read.
    #[error("cannot read the source")]
    Read(#[source] io::Error),
    /// The layer cannot be written.
    #[error("cannot write the layer")]
    Layer(#[from] LayerError),
}

impl Failure for CopyError {
    fn class(&self) -> Class {
        match self {
            Self::Read(_) => Class::User,
            Self::Layer(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Read(_) => None,
            Self::Layer(error) => error.hint(),
        }
    }
}

/// Makes a layer of files in `folder`.
pub(crate) fn copy(store: &Store, folder: &Path, copy: &Copy) -> Result<Layer, CopyError> {
    write_layer(store, &layer_options(), |layer| {
        copy.files
            .iter()
            .try_for_each(|file| add(layer, &folder.join(file), &target(&copy.to, file)))
    })
}

fn target(to: &str, file: &str) -> PathBuf {
    Path::new(to.trim_start_matches('/')).join(file)
}

/// Adds the file or link at `from` as `to`: modes are normalised, links stay links.
fn add(layer: &mut LayerWriter, from: &Path, to: &Path) -> Result<(), CopyError> {
    let found = fs::symlink_metadata(from).map_err(CopyError::Read)?;
    let at_epoch = |metadata: Metadata| Metadata {
        mtime: EPOCH,
        ..metadata
    };
    if found.is_symlink() {
        let target = fs::read_link(from).map_err(CopyError::Read)?;
        return Ok(layer.symlink(to, target, &at_epoch(Metadata::symlink()))?);
    }
    let executable = found.permissions().mode() & 0o100 != 0;
    let metadata = at_epoch(if executable {
        Metadata::program()
    } else {
        Metadata::file()
    });
    let file = fs::File::open(from).map_err(CopyError::Read)?;
    Ok(layer.file(to, &metadata, found.len(), file)?)
}
