//! The images of functions: what waits for a deploy, and what deploys leave in the registry.
//!
//! What fails here is told to the log and not to whoever deploys: the function is what they asked for.

use std::error::Error;

use coracle_content::StoreError;
use coracle_platform::Deployed;
use coracle_registry::RegistryError;
use coracle_spec::{Digest, FunctionId};
use tokio::task::spawn_blocking;

use super::Context;

/// Keeps no longer what the deploy of `image` waited for. That it is kept on would cost space only.
pub(super) async fn release(context: &Context, image: Digest) {
    let context = context.clone();
    let releasing = move || -> Result<(), StoreError> { context.waiting.deployed(&context.store, &image) };
    told(releasing, "a deployed image is kept as one that waits").await;
}

/// Puts what a function is made of into its repository, wherever it came from, so that it can be pulled from there.
pub(super) async fn enter(context: &Context, deployed: &Deployed) {
    let (registry, revision) = (context.registry.clone(), deployed.revision.clone());
    let entering =
        move || -> Result<(), RegistryError> { registry.put_revision(&revision.function, &revision.image) };
    told(entering, "the image of a function is not in its repository").await;
}

/// Takes what a function that is gone was made of out of its repository. What stays goes after a day.
pub(super) async fn remove(context: &Context, function: FunctionId) {
    let registry = context.registry.clone();
    let removing = move || -> Result<(), RegistryError> { registry.remove_function(&function) };
    told(
        removing,
        "the images of a removed function are still in its repository",
    )
    .await;
}

async fn told<E: Error + Send + 'static>(
    work: impl FnOnce() -> Result<(), E> + Send + 'static,
    consequence: &'static str,
) {
    let done = spawn_blocking(work).await;
    let done = done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
    if let Err(error) = done {
        tracing::warn!(error = &error as &dyn Error, "{consequence}");
    }
}
