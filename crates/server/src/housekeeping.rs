//! The store beside the state: what may not be collected, and a collection now and then.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use coracle_content::{Extent, Limits, Roots, RootsError, Store};
use coracle_spec::Digest;
use coracle_state::State;
use coracle_tasks::Tasks;

/// How often a server collects, and how long one collection may take.
const EVERY: Duration = Duration::from_mins(10);

/// The images of the functions in a data directory, whether a server runs on it or not.
#[derive(Debug, Clone)]
pub struct ImagesOfFunctions(PathBuf);

impl ImagesOfFunctions {
    /// Those of the functions in the data directory `data`.
    pub fn of(data: &Path) -> Self {
        Self(crate::data::state(data))
    }
}

impl Roots for ImagesOfFunctions {
    fn images(&self) -> Result<Vec<Digest>, RootsError> {
        Ok(State::images_in(&self.0)?)
    }
}

/// Keeps the store within `limits` from now on.
pub(crate) fn look_after(store: Store, images: ImagesOfFunctions, limits: Limits, tasks: &Tasks) {
    tasks.spawn("collection", async move {
        loop {
            tokio::time::sleep(EVERY).await;
            let (store, images) = (store.clone(), images.clone());
            let collecting = move || collect(&store, &images, &limits);
            // It has a deadline of its own; a panic in it is shown, and the next one may do better.
            let _ = tokio::task::spawn_blocking(collecting).await;
        }
    });
}

fn collect(store: &Store, images: &ImagesOfFunctions, limits: &Limits) {
    match store.collect(images, limits, Extent::Until(Instant::now() + EVERY)) {
        Ok(collected) if collected.items == 0 => {}
        Ok(collected) => tracing::info!(?collected, "collected what nothing uses"),
        Err(error) => tracing::warn!(error = &error as &dyn Error, "cannot collect what nothing uses"),
    }
}
