//! Where packages come from: what the author's own clients are configured to use, carried into build sandboxes.
//!
//! Only what names a registry or authenticates to it is carried; paths, caches and behaviour of the host's
//! clients mean nothing in a sandbox. What is carried is mounted or passed while a step runs and is in no layer.

mod go;
mod npm;
mod pip;

pub use go::Go;
pub use npm::Npm;
pub use pip::Pip;

/// The package registries that build steps use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registries {
    /// Python's.
    pub pip: Pip,
    /// Node's.
    pub npm: Npm,
    /// Go's.
    pub go: Go,
}
