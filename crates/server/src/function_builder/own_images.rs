//! Base images out of the server's own registry, for the tenant whose builds made them.
//!
//! The registry is not asked over HTTP: it has one principal, and no tenant is that. A token for a tenant's repositories
//! lost: the server would have to reach itself at its public address, and to trust its own certificate.

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use coracle_distribution::{Nearby, NearbyImage};
use coracle_platform::Tenant;
use coracle_registry::{Reference, Registry, RegistryError, Repository};
use coracle_spec::ImageRef;

use crate::own_registry::{OwnHosts, at_digest};

/// The images of the server's own registry, as far as they are tenants'. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OwnImages {
    hosts: OwnHosts,
    registry: Registry,
}

impl OwnImages {
    /// Makes them: `hosts` is what the registry is called.
    pub(crate) fn new(hosts: OwnHosts, registry: Registry) -> Self {
        Self { hosts, registry }
    }

    /// Answers those of one tenant.
    pub fn of(&self, tenant: &Tenant) -> Arc<dyn Nearby> {
        Arc::new(Theirs {
            images: self.clone(),
            tenant: tenant.clone(),
        })
    }

    fn find(&self, image: &ImageRef, tenant: &Tenant) -> Result<Option<NearbyImage>, RegistryError> {
        let (repository, reference) = (Repository::of(image), Reference::of(image));
        let owned = self.registry.owned(&repository, &reference, tenant.as_str())?;
        Ok(owned.and_then(|owned| {
            Some(NearbyImage {
                name: at_digest(image, &owned.manifest)?,
                blobs: owned.blobs,
            })
        }))
    }
}

/// The images of one tenant.
struct Theirs {
    images: OwnImages,
    tenant: Tenant,
}

#[async_trait]
impl Nearby for Theirs {
    async fn find(&self, image: &ImageRef) -> Result<Option<NearbyImage>, Box<dyn Error + Send + Sync>> {
        if !self.images.hosts.has(image) {
            return Ok(None);
        }
        let (images, image, tenant) = (self.images.clone(), image.clone(), self.tenant.clone());
        let looked = tokio::task::spawn_blocking(move || images.find(&image, &tenant)).await;
        Ok(looked.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?)
    }
}
