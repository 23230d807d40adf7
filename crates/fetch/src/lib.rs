//! Verified downloads over HTTP: proxies, the host's certificate bundle, one name look-up per host, retries,
//! size limits and checksums.
//!
//! Every file that a build takes from the network passes here, so that a mirror that is down, one that lacks a
//! file and one that lies are three different errors everywhere; images are `coracle-distribution`'s. The crate is
//! synchronous on `ureq`: its callers move tens of files at once, not thousands, and hashing and unpacking want a
//! thread anyway. `reqwest`, which registries are spoken to with, would have brought an async runtime to crates
//! that need none.

mod checksum;
mod config;
mod error;
mod fetcher;
mod progress;
mod proxy;
mod reach;
mod resolver;
mod tls;
mod transfer;
mod url;

pub use checksum::{Checksum, InvalidChecksum};
pub use config::{FetchConfig, Proxies, Timeouts};
pub use error::{ConfigError, FetchError};
pub use fetcher::{Download, Fetcher};
pub use progress::{Progress, Silent};
pub use reach::Reach;
pub use url::SafeUrl;
