//! An image made ready to run: its layers unpacked, its user looked up, all of it kept from collection.

mod accounts;

use std::path::PathBuf;

use coracle_content::{Store, StoreError};
use coracle_oci::{ImageConfig, ImageError, Layer, OWN_ARCHITECTURE, UnknownAccount, UnpackError, User};
use coracle_spec::{Class, Digest, Failure};

/// An image that instances can be made of. While it lives, garbage collection keeps its parts.
#[derive(Debug)]
pub(crate) struct PreparedImage {
    /// What the image says about running it.
    pub(crate) config: ImageConfig,
    /// Its layers' trees, from the bottom to the top.
    pub(crate) lowers: Vec<PathBuf>,
    /// Who its program runs as.
    pub(crate) user: User,
    _held: Store,
}

/// Why an image cannot be run.
#[derive(Debug, thiserror::Error)]
#[error("cannot prepare image `{}`", digest.short())]
pub(crate) struct PrepareError {
    /// The image's manifest.
    pub(crate) digest: Digest,
    /// Why.
    pub(crate) source: PrepareCause,
}

/// What is wrong with an image, or with the place that it is kept in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrepareCause {
    /// Its manifest or its configuration cannot be read.
    #[error(transparent)]
    Load(#[from] ImageError),
    /// A layer cannot be unpacked.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// It cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It names a user that it does not have.
    #[error(transparent)]
    User(#[from] UnknownAccount),
    /// Its programs are for other processors than this machine's.
    #[error("its programs are for `linux/{0}`, and this machine is `linux/{OWN_ARCHITECTURE}`")]
    Foreign(String),
}

impl Failure for PrepareError {
    fn class(&self) -> Class {
        match &self.source {
            PrepareCause::Load(error) => error.class(),
            PrepareCause::Unpack(error) => error.class(),
            PrepareCause::Store(error) => error.class(),
            PrepareCause::User(error) => error.class(),
            PrepareCause::Foreign(_) => Class::User,
        }
    }

    fn hint(&self) -> Option<String> {
        match &self.source {
            PrepareCause::Load(error) => error.hint(),
            PrepareCause::Unpack(error) => error.hint(),
            PrepareCause::Store(error) => error.hint(),
            PrepareCause::User(error) => error.hint(),
            PrepareCause::Foreign(_) => Some(format!(
                "run it on such a machine, or build it for this one: `--platform linux/{OWN_ARCHITECTURE}`"
            )),
        }
    }
}

impl PreparedImage {
    /// Reads and unpacks the image whose manifest is `digest`. What is unpacked already costs a look-up.
    pub(crate) async fn prepare(store: &Store, digest: Digest) -> Result<Self, PrepareError> {
        let store = store.clone();
        let prepared = tokio::task::spawn_blocking(move || prepare(&store, &digest)).await;
        let outcome = prepared.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        outcome.map_err(|source| PrepareError { digest, source })
    }
}

fn prepare(store: &Store, digest: &Digest) -> Result<PreparedImage, PrepareCause> {
    let held = store.held()?;
    let image = coracle_oci::load(&held, digest)?;
    let config = coracle_oci::load_config(&held, &image)?;
    check_processors(&config)?;
    let lowers = image
        .layers
        .iter()
        .map(|layer| tree(&held, layer))
        .collect::<Result<Vec<_>, _>>()?;
    let user = accounts::accounts(&lowers).user(&config.user)?;
    Ok(PreparedImage {
        config,
        lowers,
        user,
        _held: held,
    })
}

/// Refuses an image whose programs this machine cannot run; one that does not say is tried.
///
/// The kernel would refuse them too, but with a word that leads nobody to the reason.
fn check_processors(config: &ImageConfig) -> Result<(), PrepareCause> {
    match config.architecture.as_str() {
        "" | OWN_ARCHITECTURE => Ok(()),
        other => Err(PrepareCause::Foreign(other.to_owned())),
    }
}

fn tree(store: &Store, layer: &Layer) -> Result<PathBuf, UnpackError> {
    coracle_oci::unpack(store, layer).map(|tree| tree.path().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_image_for_other_processors_is_refused_with_both_named() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let image = |architecture: &str| {
            let config = ImageConfig {
                architecture: architecture.to_owned(),
                ..ImageConfig::default()
            };
            coracle_oci::assemble(&store, &config, &[]).unwrap().manifest
        };
        for own in ["", OWN_ARCHITECTURE] {
            assert!(
                PreparedImage::prepare(&store, image(own)).await.is_ok(),
                "{own:?}"
            );
        }
        let error = PreparedImage::prepare(&store, image("riscv64"))
            .await
            .unwrap_err();
        assert_eq!(
            error.source.to_string(),
            format!("its programs are for `linux/riscv64`, and this machine is `linux/{OWN_ARCHITECTURE}`")
        );
        assert_eq!(error.class(), Class::User);
    }
}
