//! Names, digests, quantities and error classes, parsed once at the edge into values that cannot be wrong.
//!
//! Everything in the workspace may depend on this crate; it depends on nothing of the workspace, does no
//! input or output and knows no runtime.

pub mod counted;
pub mod deployable;
pub mod digest;
pub mod failure;
pub mod function;
pub mod image;
pub mod manifest;
pub mod name;
pub mod nearest;
pub mod quantity;
pub mod reference;
pub mod registry;
pub mod revision;
pub mod scaling;

pub use counted::Counted;
pub use deployable::Deployable;
pub use digest::{Digest, Hasher};
pub use failure::{Class, FREE_SPACE, Failure};
pub use function::FunctionId;
pub use manifest::{Manifest, ManifestError};
pub use name::{FunctionName, Namespace, RegistryName};
pub use nearest::nearest;
pub use quantity::{ByteSize, Cpu, Span};
pub use reference::ImageRef;
pub use registry::RegistryHost;
pub use revision::RevisionConfig;
pub use scaling::{Freeze, ScaleChange};
