//! The content store on disk: blobs, unpacked trees, records, caches, locks, leases and scratch space.
//!
//! Several processes share one store at once and any of them may be killed at any moment. What makes that safe:
//!
//! - a blob is written under `scratch/`, synced, and renamed to its digest: a name is there whole or not at all;
//! - an unpacked tree is renamed into place too, but not synced, since one sync a file costs more than unpacking
//!   again. It carries the id of the boot that made it and a census of itself; after a reboot the first look-up
//!   takes the census again and drops a tree that differs;
//! - a record carries the digest of its own text, so that a torn one reads as absent;
//! - what is in use is leased, and what is not may be collected at any moment: the gate between the two is described
//!   in `gate.rs`, the order of collection in `collect.rs`;
//! - every lock is an `flock`, which the kernel releases with its process. Leases and scratch directories are told
//!   from leftovers by the lock that their owner holds.
//!
//! A database for the index lost: the file system is the index, a look-up is one `stat`, and nothing can disagree
//! with it.
//!
//! ```text
//! store/VERSION                  the layout's version
//! store/blobs/sha256/HEX         blobs, named as in an OCI image layout
//! store/trees/HEX/{mark,root}    unpacked layers, by the digest of their uncompressed tar
//! store/records/KIND/HEX         small JSON values: step results, recompressed layers
//! store/names/HEX                which manifest a name stands for, by the digest of the name
//! store/caches/NAME/             directories that package managers keep between builds
//! store/stats/HEX                digests of an author's files by their `lstat`
//! store/locks, leases, scratch   held while their owner lives
//! store/uploads/HEX              blobs that arrive in parts, by the digest of what their sender calls them
//! store/gate                     held for moments by users and by the collector
//! store/collected                when the last collection was
//! ```

mod blob;
mod collect;
mod disk_use;
mod document;
mod error;
mod gate;
mod inventory;
mod lease;
mod lock;
mod names;
mod record;
mod remove;
mod scratch;
mod stat_cache;
mod store;
mod touch;
mod tree;
mod upload;
mod usage;

pub use blob::{Blob, BlobWriter};
pub use collect::{CollectError, Collected, Extent, Limits, Removed, Roots, RootsError};
pub use disk_use::disk_use;
pub use error::StoreError;
pub use inventory::Kind;
pub use lease::Lease;
pub use lock::Guard;
pub use names::Named;
pub use remove::remove_tree;
pub use scratch::Scratch;
pub use stat_cache::StatCache;
pub use store::Store;
pub use tree::{StagedTree, Tree};
pub use upload::{Progress, Upload};
pub use usage::{Usage, Use};
