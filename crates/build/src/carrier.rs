//! Tools that come as packages of a language's registry: which version a request means, and where its archive lies.
//!
//! A request names the first parts of a version (`24`, `24.3`); the newest release that starts with them is meant.

mod go;
mod npm;
mod sumdb;

use coracle_content::Store;
use coracle_fetch::{FetchError, Fetcher};
use coracle_plan::{Fetch, Registry, Tool};
use coracle_spec::{Class, Failure};

use crate::registries::Registries;
use crate::steps::fetch::ToolError;

pub(crate) use sumdb::{Database, SumDbError};

/// Why a tool cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CarrierError {
    /// The registry does not answer, or has no such package.
    #[error("cannot ask {registry} for `{package}`")]
    Ask {
        /// Which registry.
        registry: &'static str,
        /// The package.
        package: String,
        /// Why not.
        source: Box<FetchError>,
    },
    /// The registry's answer makes no sense.
    #[error("the npm registry's description of `{package}` cannot be read")]
    Description {
        /// The package.
        package: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// No release of it is what was asked for.
    #[error("`{package}` has no version {request}")]
    NoVersion {
        /// The package.
        package: String,
        /// What was asked for.
        request: String,
        /// The newest releases, one a major version.
        available: Vec<String>,
    },
    /// Nothing says that the release is the one that everybody else gets.
    #[error("cannot check `{package}` against the checksum database")]
    Unchecked {
        /// The package and its version.
        package: String,
        /// Why not.
        source: SumDbError,
    },
    /// The release cannot be downloaded to see what it is.
    #[error("cannot look into `{package}`")]
    Look {
        /// The package and its version.
        package: String,
        /// Why not.
        source: Box<ToolError>,
    },
}

impl Failure for CarrierError {
    fn class(&self) -> Class {
        match self {
            Self::Ask { source, .. } => source.class(),
            Self::Description { .. } => Class::Unavailable,
            Self::NoVersion { .. } => Class::User,
            Self::Unchecked { source, .. } => source.class(),
            Self::Look { source, .. } => source.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Ask { source, .. } => source.hint(),
            Self::Description { .. } => Some("check the address of the registry in `.npmrc`".to_owned()),
            Self::NoVersion { available, .. } => Some(format!("it can be had as {}", available.join(", "))),
            Self::Unchecked { source, .. } => source.hint(),
            Self::Look { source, .. } => source.hint(),
        }
    }
}

/// Finds the newest release of a tool whose version starts with `request`.
pub(crate) fn newest(
    (store, fetcher): (&Store, &Fetcher),
    registries: &Registries,
    tool: &Fetch,
    request: &str,
) -> Result<Tool, CarrierError> {
    match tool.registry {
        Registry::Npm => npm::newest(fetcher, registries.npm.registry(), &tool.package, request),
        // Plans pin what they take from there.
        Registry::PyPi => Err(CarrierError::NoVersion {
            package: tool.package.clone(),
            request: request.to_owned(),
            available: Vec::new(),
        }),
        Registry::Go => go::newest((store, fetcher), &registries.go, &tool.package, request),
    }
}
