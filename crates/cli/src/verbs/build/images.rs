//! What a build made: an image, or an index over images of several platforms.

use coracle_build::{Built, Request};
use coracle_content::Store;
use coracle_oci::{
    Compression, ExportError, Image, ImageError, Index, Output, assemble_index, export, export_index,
};
use coracle_spec::manifest::Platform;
use coracle_spec::{Digest, ImageRef};

/// What a build made.
pub(super) enum Images {
    /// One image: what is exported is the image, and there is no index.
    One(Platform, Image),
    /// Several, in the order of their platforms' names.
    Several(Index, Vec<Platform>),
}

impl Images {
    /// Answers what the build of `request` made; an index is written to the store.
    pub(super) fn of(store: &Store, request: &Request, built: &Built) -> Result<Self, ImageError> {
        let own = (request.target.arch.platform(), built.image.clone());
        if built.others.is_empty() {
            return Ok(Self::One(own.0, own.1));
        }
        let others = built
            .others
            .iter()
            .map(|other| (other.target.arch.platform(), other.image.clone()));
        let mut all: Vec<_> = others.chain([own]).collect();
        all.sort_by_key(|(platform, _)| platform.name());
        let (platforms, images): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        Ok(Self::Several(assemble_index(store, &images)?, platforms))
    }

    /// Answers the digest of the image, or of the index.
    pub(super) fn digest(&self) -> Digest {
        match self {
            Self::One(_, image) => image.manifest,
            Self::Several(index, _) => index.digest,
        }
    }

    /// Answers the size of all blobs in bytes.
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::One(_, image) => image.size,
            Self::Several(index, _) => index.size,
        }
    }

    /// Answers each image with its platform.
    pub(super) fn each(&self) -> impl Iterator<Item = (Platform, &Image)> {
        let (platforms, images) = match self {
            Self::One(platform, image) => (std::slice::from_ref(platform), std::slice::from_ref(image)),
            Self::Several(index, platforms) => (platforms.as_slice(), index.images.as_slice()),
        };
        platforms.iter().copied().zip(images)
    }

    /// Writes them under the name `reference`, compressed as every reader understands; answers what was written.
    pub(super) fn export(
        &self,
        store: &Store,
        to: &Output,
        reference: &ImageRef,
    ) -> Result<Self, ExportError> {
        Ok(match self {
            Self::One(platform, image) => {
                Self::One(*platform, export(store, image, to, Compression::Gzip, reference)?)
            }
            Self::Several(index, platforms) => Self::Several(
                export_index(store, index, to, Compression::Gzip, reference)?,
                platforms.clone(),
            ),
        })
    }
}
