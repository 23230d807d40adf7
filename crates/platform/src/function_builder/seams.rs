//! What the use case leaves to others: building a context, and bringing the image to its registry.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use coracle_build::Observer;
use coracle_content::Lease;
use coracle_spec::manifest::Platform;
use coracle_spec::{Digest, ImageRef};
use coracle_tasks::CancellationToken;

use super::tenant::Tenant;
use crate::failure::SharedFailure;

/// A build context, and how it is built.
#[derive(Debug)]
pub struct ContextBuild {
    /// The folder with the `Dockerfile`.
    pub folder: PathBuf,
    /// Whose caches are used.
    pub tenant: Tenant,
    /// The Dockerfile's arguments.
    pub args: BTreeMap<String, String>,
    /// What it is built for; none: this machine.
    pub platforms: Vec<Platform>,
    /// What steps may read and no layer holds, by id.
    pub secrets: BTreeMap<String, Vec<u8>>,
}

/// An image of a context, or the index of several.
#[derive(Debug, Clone)]
pub struct ContextImage {
    /// The manifest's digest, in the store.
    pub digest: Digest,
    /// Keeps it from collection.
    pub lease: Option<Arc<Lease>>,
}

/// Builds contexts that nobody vouches for. What the host's package managers are configured with stays out of it.
#[async_trait]
pub trait ContextBuilder: Send + Sync {
    /// Builds one. Ends soon after `cancel` is cancelled, and leaves nothing that runs.
    async fn build(
        &self,
        build: ContextBuild,
        observer: Arc<dyn Observer>,
        cancel: &CancellationToken,
    ) -> Result<ContextImage, SharedFailure>;
}

/// An image on its way to a registry.
#[derive(Debug, Clone)]
pub struct Publication {
    /// The image's manifest or index, in the store.
    pub digest: Digest,
    /// Where it goes.
    pub reference: ImageRef,
    /// Whose credentials are used.
    pub tenant: Tenant,
}

/// Brings images to registries.
#[async_trait]
pub trait Publisher: Send + Sync {
    /// Brings one there. Ends soon after `cancel` is cancelled.
    async fn publish(
        &self,
        publication: Publication,
        observer: Arc<dyn Observer>,
        cancel: &CancellationToken,
    ) -> Result<(), SharedFailure>;
}
