//! Files of the source.

use std::io;
use std::path::{Path, PathBuf};

use coracle_content::Store;
use coracle_oci::{Layer, LayerError, LayerWriter, Metadata, write_layer};
use coracle_plan::{Copy, Kind};
use coracle_spec::{Class, Digest, Failure};
use fs_err as fs;

use super::{EPOCH, layer_options};
use crate::folder::{Contents, FolderError};

/// Why files of the source cannot be put into a layer.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A file cannot be read.
    #[error("cannot read the source")]
    Read(#[source] io::Error),
    /// A file of a Dockerfile's context cannot be read.
    #[error("cannot read the context")]
    Context(#[source] FolderError),
    /// A file is no longer what it was when the build began.
    #[error("`{0}` changed while it was built")]
    Changed(String),
    /// The layer cannot be written.
    #[error("cannot write the layer")]
    Layer(#[from] LayerError),
}

impl Failure for CopyError {
    fn class(&self) -> Class {
        match self {
            Self::Read(_) => Class::User,
            Self::Context(error) => error.class(),
            Self::Changed(_) => Class::Conflict,
            Self::Layer(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Read(_) => None,
            Self::Context(error) => error.hint(),
            Self::Changed(_) => Some("leave the folder alone while it is built, then build again".to_owned()),
            Self::Layer(error) => error.hint(),
        }
    }
}

/// A source folder, and what its files were when the step's key was made.
pub(crate) struct Source {
    pub(crate) folder: PathBuf,
    pub(crate) contents: Contents,
}

/// Makes a layer of files of the source; fails when one is no longer what the step's key says.
pub(crate) fn copy(store: &Store, source: &Source, copy: &Copy) -> Result<Layer, CopyError> {
    write_layer(store, &layer_options(), |layer| {
        copy.files
            .iter()
            .try_for_each(|file| add(layer, source, copy, file))
    })
}

/// Adds a file or link: modes are normalised, links stay links.
fn add(layer: &mut LayerWriter, source: &Source, copy: &Copy, path: &str) -> Result<(), CopyError> {
    let (from, to) = (
        source.folder.join(path),
        Path::new(copy.to.trim_start_matches('/')).join(path),
    );
    let changed = || CopyError::Changed(path.to_owned());
    let (kind, digest) = source.contents.get(path).ok_or_else(changed)?;
    let at_epoch = |metadata: Metadata| Metadata {
        mtime: EPOCH,
        ..metadata
    };
    let metadata = match kind {
        Kind::Link => {
            let target = fs::read_link(&from).map_err(CopyError::Read)?;
            if Digest::of(target.as_os_str().as_encoded_bytes()) != *digest {
                return Err(changed());
            }
            return Ok(layer.symlink(to, target, &at_epoch(Metadata::symlink()))?);
        }
        Kind::Executable => at_epoch(Metadata::program()),
        Kind::File => at_epoch(Metadata::file()),
    };
    let file = fs::File::open(&from).map_err(CopyError::Read)?;
    let size = file.metadata().map_err(CopyError::Read)?.len();
    Ok(layer.expected_file(to, &metadata, (size, digest), file)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Folder;

    #[test]
    fn a_file_that_changed_since_the_key_was_made_is_not_copied() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(&root.path().join("store")).unwrap();
        let folder = root.path().join("source");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("main.py"), "one").unwrap();
        let files = vec!["main.py".to_owned()];
        let contents = Folder::open(&store, &folder).unwrap().contents(&files).unwrap();
        let source = Source { folder, contents };
        let what = Copy {
            files,
            to: "/app".to_owned(),
        };
        let layer = copy(&store, &source, &what).unwrap();
        assert_eq!(layer, copy(&store, &source, &what).unwrap());
        fs::write(source.folder.join("main.py"), "two").unwrap();
        assert_eq!(copy(&store, &source, &what).unwrap_err().class(), Class::Conflict);
    }
}
