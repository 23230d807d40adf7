//! OCI images: deterministic layers, hostile-proof unpacking, image assembly and export.
//!
//! ```text
//! write_layer ─┬─> tar ─> digest ─> compression ─> blob       one pass: the tree that sandboxes use is
//!              └─> TreeWriter ─> staged tree ─> tree          there when the layer is
//! unpack       blob ─> decompression ─> digest ─> tar ─> TreeWriter ─> tree
//! ```
//!
//! The `tar` crate lost on both sides: its reader takes an archive that ends early and holds long names of any
//! size in memory, and its `unpack` follows what it finds on the disk; its writer leaves the choice of the
//! format's dialect to the library.

mod accounts;
mod bounded;
mod capture;
mod compression;
mod context;
mod entry;
mod export;
mod image;
mod import;
mod index;
mod layer;
mod path;
mod source;
pub mod tar;
mod tree;
mod unpack;
mod witness;

pub use accounts::{Accounts, LARGEST_ACCOUNTS, UnknownAccount, User};
pub use capture::{
    Attributes, CaptureError, CaptureOptions, Owner, Source, Specials, Whiteouts, copy_xattrs,
    layer_from_directory,
};
pub use compression::{Compression, recompress, recompress_unless};
pub use context::unpack_context;
pub use entry::Metadata;
pub use export::{ExportError, Output, export, export_index};
pub use image::{
    Image, ImageConfig, ImageError, OWN_ARCHITECTURE, assemble, assemble_document, load, load_config,
    load_document, with_compression,
};
pub use import::{ImportError, ImportLimits, import};
pub use index::{Index, assemble_index};
pub use layer::{Layer, LayerError, LayerOptions, LayerWriter, Trees, write_layer};
pub use path::{InvalidPath, LayerPath};
pub use source::{SourceError, unpack_source};
pub use unpack::{Devices, SetId, UnpackError, UnpackLimits, UnpackPolicy, unpack, unpack_with};
