//! Base images assembled from Debian packages, without a container registry and without running any package's
//! code.
//!
//! ```text
//! Recipe ──lock──▶ BaseLock ──layers──▶ layers of an image, trees for a sandbox
//!          │                   │
//!          │                   └ .debs by SHA-256 → unpacked → fixes for what maintainer scripts would do → pruned
//!          └ InRelease (OpenPGP) → Packages (by hash) → closure
//! ```
//!
//! Image registries lost as the source of bases: they ask for an account or throttle, their images hold four
//! times what a function needs, and nobody can rebuild them bit for bit.

mod alternatives;
mod apt_sources;
mod archive;
mod assemble;
mod base_lock;
mod closure;
mod deb;
mod debian;
mod depot;
mod fixes;
mod index;
mod keyring;
mod merge;
mod part;
mod progress;
mod prune;
mod recipe;
mod relation;
mod release;
mod release_file;
mod root;
mod scripts;
mod snapshot;
mod stanza;
mod suites;
mod supply;
mod unpack;
mod version;

pub use archive::{Archive, InvalidMirror};
pub use assemble::AssembleError;
pub use base_lock::{BaseLock, InvalidLockLine, LockedPackage, LockedSuite};
pub use closure::ClosureError;
pub use deb::DebError;
pub use debian::{Debian, LockError};
pub use fixes::FixError;
pub use keyring::{Keyring, KeyringError, SignatureError};
pub use progress::{Phase, Progress, Silent};
pub use recipe::{Kind, RECIPE_VERSION, Recipe};
pub use release::{Arch, Release, UnknownRelease};
pub use snapshot::Snapshot;
pub use suites::SnapshotError;
pub use unpack::UnpackError;
pub use version::Version;
