//! How each operation of a plan is carried out.

pub(crate) mod base;
pub(crate) mod copy;
pub(crate) mod exec;
pub(crate) mod fetch;
pub(crate) mod image;
pub(crate) mod place;
pub(crate) mod run;
pub(crate) mod write;

use coracle_oci::{Compression, LayerOptions, Trees};

/// The time of everything that a build makes: one second after the earliest that zip archives can hold, so that
/// tools that pack files again do not stumble. No clock takes part in a layer.
pub(crate) const EPOCH: i64 = 315_532_801;

/// How layers made here are written.
pub(crate) fn layer_options() -> LayerOptions {
    LayerOptions {
        compression: Compression::Zstd,
        epoch: EPOCH,
        trees: Trees::Now,
    }
}

/// Does work that blocks without holding up the others.
///
/// # Panics
/// When `work` panics.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
