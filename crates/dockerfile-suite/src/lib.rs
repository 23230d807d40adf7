//! Shows that Dockerfiles are built here as BuildKit builds them.
//!
//! ```text
//! cases/NAME ──prepare──▶ context ──BuildKit──▶ image ──listing──▶ cases/NAME/expected.txt
//!                                └──Coracle───▶ image ──listing──▶ the same
//! ```
//!
//! Each folder in `cases/` is a build context with a Dockerfile. What BuildKit makes of it is written down beside it:
//! the merged tree, the image's configuration, or where it fails and what it warns of. One test builds every case with a
//! BuildKit of this moment and compares it with the record, another one, beside the program, builds it natively. Two
//! comparisons with a text lost nothing against one between two images: the text can be read, and a failure shows which
//! side has moved.
//!
//! Images are read by code of this crate's own, since the reader of the program may be wrong just as its writer.
//!
//! Base images are stand-ins made of Debian packages ([`StandIns`]), served on loopback ([`Registry`]) under the names of
//! public ones.

mod buildkit;
mod case;
mod context;
mod expected;
mod image;
mod layer;
mod listing;
mod outcome;
mod registry;
mod setup;
mod stand_in;
mod tree;
mod trial;
mod warning;

pub use buildkit::BuildKit;
pub use case::{Case, Options};
pub use context::Context;
pub use expected::Expected;
pub use listing::timeless;
pub use outcome::{Bases, Outcome};
pub use registry::Registry;
pub use stand_in::{StandIn, StandIns};
pub use trial::trials;
pub use warning::Warning;
