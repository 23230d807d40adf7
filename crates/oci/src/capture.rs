//! Taking a layer from a directory: above all what a step left in an overlay's upper directory.
//!
//! Such a directory has other owners than the layer (a user namespace shifted them), overlayfs' own marks for what
//! is hidden, and file capabilities bound to the namespace. All of that is translated on the way. The files
//! themselves need no copy: the tree takes them over by hard links, and they get the layer's owners and times.

mod walk;
mod xattrs;

use std::io;
use std::path::{Path, PathBuf};

use coracle_content::Store;
use coracle_spec::{Class, Failure};

use crate::layer::{Layer, LayerError, LayerOptions, LayerWriter, write_layer};
use crate::path::InvalidPath;

pub(crate) use walk::Taken;
pub use xattrs::copy_xattrs;

use walk::Capture;

/// What of a directory becomes part of a layer, and how.
#[derive(Clone, Copy)]
pub struct CaptureOptions<'a> {
    /// Where in the layer the directory's contents go.
    pub to: &'a Path,
    /// Who owns the entries.
    pub owner: Owner,
    /// Whether the directory is needed afterwards.
    pub source: Source,
    /// What becomes of overlayfs' marks for what is hidden.
    pub whiteouts: Whiteouts,
    /// What becomes of sockets, devices and named pipes.
    pub specials: Specials,
    /// Which extended attributes are taken.
    pub attributes: Attributes,
    /// Answers whether a path, relative to the directory, is left out with everything below it.
    pub exclude: &'a dyn Fn(&Path) -> bool,
}

impl Default for CaptureOptions<'_> {
    fn default() -> Self {
        Self {
            to: Path::new(""),
            owner: Owner::Same,
            source: Source::Keep,
            whiteouts: Whiteouts::Translate,
            specials: Specials::Skip,
            attributes: Attributes::Portable,
            exclude: &|_| false,
        }
    }
}

/// Who owns a captured entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Whoever owns it in the directory.
    Same,
    /// These ids, whoever owns it in the directory.
    Always {
        /// The user id.
        uid: u32,
        /// The group id.
        gid: u32,
    },
    /// The id less `base`: what a user namespace shifted, shifted back. Ids below `base` stay.
    Shifted {
        /// The first id of the namespace's range.
        base: u32,
    },
}

/// Whether a captured directory is needed afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// It stays as it is; the tree gets copies.
    Keep,
    /// It is of no further use: its files become the tree's, with the layer's owners and times.
    Consume,
}

/// What becomes of overlayfs' whiteouts and opaque directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whiteouts {
    /// They become the layer's.
    Translate,
    /// They are left out: where the contents go, nothing lies below.
    Ignore,
}

/// What becomes of sockets, devices and named pipes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Specials {
    /// They are left out.
    Skip,
    /// Named pipes become the layer's, what cannot be in one is left out.
    Pipes,
    /// They are an error.
    Refuse,
}

/// Which extended attributes are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attributes {
    /// All that mean the same on every machine.
    Portable,
    /// File capabilities, as in the layers of container engines.
    Capabilities,
}

/// Why a directory cannot be captured.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The layer cannot be written.
    #[error("cannot write the layer")]
    Layer(#[from] LayerError),
    /// A path is too long for a layer.
    #[error("the directory has an unusable path")]
    Path(#[from] InvalidPath),
    /// Something in the directory cannot be read.
    #[error("cannot capture `{path}`")]
    Read {
        /// What it is.
        path: PathBuf,
        /// What the file system answered.
        source: io::Error,
    },
    /// Something is there that no layer holds.
    #[error("`{path}` is {kind}, which cannot be in a layer")]
    Special {
        /// Where it is.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
}

impl Failure for CaptureError {
    fn class(&self) -> Class {
        match self {
            Self::Layer(source) => source.class(),
            Self::Path(_) | Self::Special { .. } => Class::User,
            Self::Read { .. } => Class::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Layer(source) => source.hint(),
            _ => None,
        }
    }
}

/// Writes a layer of what is in `directory`.
pub fn layer_from_directory(
    store: &Store,
    options: &LayerOptions,
    directory: &Path,
    capture: &CaptureOptions<'_>,
) -> Result<Layer, CaptureError> {
    write_layer(store, options, |layer| layer.capture(directory, capture))
}

impl LayerWriter {
    /// Adds `source`, a directory with everything in it or a single file, in the order of its names.
    ///
    /// Directories that the layer has already stay as they are there.
    pub fn capture(&mut self, source: &Path, options: &CaptureOptions<'_>) -> Result<(), CaptureError> {
        Capture::new(self, source, options)?.run()
    }
}
