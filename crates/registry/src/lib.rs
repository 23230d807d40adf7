//! The registry: which repository has which blobs, manifests, tags and referrers, over the content store.
//!
//! The bytes lie in the store, once however many repositories have them. What a repository has is a folder of small
//! files: a link is there or it is not, so nothing has to be repaired after a crash, and several processes may write
//! at once. `docs/decisions/017-registry-layout.md` says why.
//!
//! ```text
//! DATA/registry/repositories/TEAM+APP/blobs/HEX             the repository has this blob; the time says since when
//! DATA/registry/repositories/TEAM+APP/manifests/HEX         …this manifest; the text is its media type
//! DATA/registry/repositories/TEAM+APP/tags/TAG              the digest of a manifest
//! DATA/registry/repositories/TEAM+APP/referrers/HEX/HEX     the descriptor of a manifest, by its subject
//! DATA/registry/repositories/TEAM+APP/owner                 whose builds it is for
//! DATA/registry/scratch/                                    from where files are renamed into place
//! ```
//!
//! [`Registry`] is for this process; [`Service`] answers the distribution API (OCI distribution specification 1.1)
//! over it; [`held`] says what a collection must keep, without either.

mod blobs;
mod digest;
mod document;
mod error;
mod functions;
mod http;
mod layout;
mod links;
mod manifests;
mod names;
mod owners;
mod pages;
mod referrers;
mod registry;
mod roots;
mod tags;
mod tidy;
mod uploads;

pub use self::http::{Access, Body, Service, Transfers, drain, refuse};
pub use error::RegistryError;
pub use manifests::Manifest;
pub use names::{InvalidName, Reference, Repository, Tag};
pub use owners::{Among, OwnedImage};
pub use registry::{Limits, Registry};
pub use roots::held;
