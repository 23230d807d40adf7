//! The cache kept within its limits, beside what the user asked for.

use std::error::Error;
use std::time::{Duration, Instant};

use coracle_build::{Built, StepReport};
use coracle_content::{Extent, Store};
use coracle_server::ImagesInUse;

use crate::context::Context;

/// How often builds collect, whatever they make.
const PAUSE: Duration = Duration::from_mins(10);

/// How long a collection after a build may take: the answer is there, the prompt is not.
const MOST: Duration = Duration::from_secs(2);

/// Collects what nothing uses if a build has made something, and none collected a while ago.
///
/// Called when the user has what was asked for. That it fails is no failure of what the user asked for.
pub(crate) async fn after_build(context: &Context, store: &Store, built: &Built) {
    after_steps(context, store, &built.steps).await;
}

/// Does the same as [`after_build`] when it is known only what each step took.
pub(crate) async fn after_steps(context: &Context, store: &Store, steps: &[StepReport]) {
    let made = steps.iter().any(|step| !step.cached);
    if made && store.is_collection_due(PAUSE) {
        collect(context, store, MOST).await;
    }
}

async fn collect(context: &Context, store: &Store, most: Duration) {
    let limits = context.settings.cache.limits(store.root());
    let (images, store) = (ImagesInUse::of(&context.settings.data), store.clone());
    let collecting = move || store.collect(&images, &limits, Extent::Until(Instant::now() + most));
    match tokio::task::spawn_blocking(collecting).await {
        Ok(Ok(collected)) => tracing::debug!(?collected, "collected what nothing uses"),
        Ok(Err(error)) => tracing::warn!(error = &error as &dyn Error, "cannot collect what nothing uses"),
        Err(error) => tracing::warn!(%error, "the collection broke off"),
    }
}
