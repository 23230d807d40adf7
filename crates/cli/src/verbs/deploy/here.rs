//! Building here, and sending what the server lacks.

use std::collections::BTreeSet;

use coracle_api::Client;
use coracle_build::{Built, Request};
use coracle_content::Store;
use coracle_oci::Image;
use coracle_spec::Digest;
use coracle_spec::revision::Profile;

use crate::context::Context;
use crate::engine::Engine;
use crate::error::Error;
use crate::{building, housekeeping, upload};

/// What was built here, and where it is.
pub(super) struct Here {
    store: Store,
    built: Built,
}

/// Builds here, and sends what the server lacks.
pub(super) async fn build(request: &Request, client: &Client, context: &Context) -> Result<Here, Error> {
    let engine = Engine::open(context)?;
    let built = building::build(&engine, request, context.printer).await;
    let store = engine.store.clone();
    engine.close().await;
    let here = Here { store, built: built? };
    send(&here.built.image, &here.store, client).await?;
    Ok(here)
}

impl Here {
    /// Answers the image's manifest.
    pub(super) fn image(&self) -> Digest {
        self.built.image.manifest
    }

    /// Answers what its instances expect.
    pub(super) fn profile(&self) -> Profile {
        self.built.profile()
    }

    /// Keeps the store within its limits.
    pub(super) async fn tidy(self, context: &Context) {
        housekeeping::after_build(context, &self.store, &self.built).await;
    }
}

/// Sends the blobs that the server lacks; the manifest last, so that it never names what is not there.
async fn send(image: &Image, store: &Store, client: &Client) -> Result<(), Error> {
    let parts: BTreeSet<Digest> = image
        .layers
        .iter()
        .map(|layer| layer.digest)
        .chain([image.config])
        .collect();
    for digest in parts.into_iter().chain([image.manifest]) {
        if !client.has_blob(&digest).await? {
            let blob = store.existing_blob(&digest)?;
            let body = upload::body_of(blob.open()?.into());
            client.put_blob(&digest, blob.size, body).await?;
        }
    }
    Ok(())
}
