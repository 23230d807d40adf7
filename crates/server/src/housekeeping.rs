//! The store beside the state: what may not be collected, and a collection now and then.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use coracle_content::{Extent, Limits, Roots, RootsError, Store};
use coracle_registry::Registry;
use coracle_spec::Digest;
use coracle_state::State;
use coracle_tasks::Tasks;

/// How often a server collects, and how long one collection may take.
const EVERY: Duration = Duration::from_mins(10);

/// The images of the functions in a data directory, and what its registry has, whether a server runs on it or not.
#[derive(Debug, Clone)]
pub struct ImagesInUse {
    data: PathBuf,
}

impl ImagesInUse {
    /// Those of the data directory `data`.
    pub fn of(data: &Path) -> Self {
        Self {
            data: data.to_owned(),
        }
    }
}

impl Roots for ImagesInUse {
    fn images(&self) -> Result<Vec<Digest>, RootsError> {
        let mut images = State::images_in(&crate::data::state(&self.data))?;
        images.extend(coracle_registry::held(&self.data)?);
        Ok(images)
    }
}

/// Keeps the store within `limits` from now on, and the registry tidy.
pub(crate) fn look_after(
    (store, registry): (Store, Registry),
    images: ImagesInUse,
    limits: Limits,
    tasks: &Tasks,
) {
    tasks.spawn("collection", async move {
        loop {
            tokio::time::sleep(EVERY).await;
            let (store, registry, images) = (store.clone(), registry.clone(), images.clone());
            let collecting = move || {
                tidy(&registry);
                collect(&store, &images, &limits);
            };
            // It has a deadline of its own; a panic in it is shown, and the next one may do better.
            let _ = tokio::task::spawn_blocking(collecting).await;
        }
    });
}

fn tidy(registry: &Registry) {
    if let Err(error) = registry.tidy() {
        tracing::warn!(error = &error as &dyn Error, "cannot tidy the registry up");
    }
}

fn collect(store: &Store, images: &ImagesInUse, limits: &Limits) {
    match store.collect(images, limits, Extent::Until(Instant::now() + EVERY)) {
        Ok(collected) if collected.items == 0 => {}
        Ok(collected) => tracing::info!(?collected, "collected what nothing uses"),
        Err(error) => tracing::warn!(error = &error as &dyn Error, "cannot collect what nothing uses"),
    }
}
