//! Building here, and sending what the server lacks.

use coracle_api::Client;
use coracle_build::{Built, Request};
use coracle_content::Store;
use coracle_spec::revision::Profile;
use coracle_spec::{Digest, FunctionId};

use super::push::push;
use crate::context::Context;
use crate::engine::Engine;
use crate::error::Error;
use crate::{building, housekeeping};

/// What was built here, and where it is.
pub(super) struct Here {
    store: Store,
    built: Built,
}

/// Builds here, and sends what the server lacks.
pub(super) async fn build(
    request: &Request,
    function: &FunctionId,
    client: &Client,
    context: &Context,
) -> Result<Here, Error> {
    let engine = Engine::open(context)?;
    let built = building::build(&engine, request, context.printer).await;
    let store = engine.store.clone();
    engine.close().await;
    let here = Here { store, built: built? };
    push((here.image(), &here.store), function, client, context).await?;
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
