//! The client of image registries, as the OCI distribution specification 1.1 describes them: pull, push, credentials.
//!
//! ```text
//! pull   mirrors, then the origin ─► manifest ─► blobs, several at once, each resumed where it broke ─► store
//! push   store ─► layers as others read them ─► blobs the registry lacks (asked, mounted, uploaded) ─► manifest, last
//! ```
//!
//! The protocol stands on `reqwest`; the crate `oci-client` lost, since it neither resumes an upload nor tells what a
//! registry that is busy asks for (`docs/decisions/016-own-registry-client.md`).

mod attempt;
mod auth;
mod blob;
mod call;
mod client;
mod credentials;
mod document;
mod endpoint;
mod engine;
mod error;
mod holdings;
mod http_client;
mod manifest;
mod mirrors;
mod nearby;
mod places;
mod platform;
mod progress;
mod pull;
mod push;
mod reply;
mod session;
mod settings;
mod shared;
mod sink;
mod tls;

pub use client::Client;
pub use credentials::{
    Anonymous, Credential, CredentialError, Credentials, DockerConfig, File, First, One, Secret,
};
pub use endpoint::Scheme;
pub use engine::{Engine, EngineError, InvalidEngine};
pub use error::{DistributionError, SettingsError};
pub use mirrors::{InvalidMirrors, Mirrors};
pub use nearby::{Nearby, NearbyImage};
pub use progress::{Outcome, Part, Progress, Silent, Transfer};
pub use pull::Resolved;
pub use push::{Blobs, Layers, Pushed};
pub use settings::{Patience, Server, Settings};
