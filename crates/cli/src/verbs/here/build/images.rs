//! What a build made: an image, or an index over images of several platforms.

use coracle_content::Store;
use coracle_oci::{ExportError, Image, ImageError, Index, assemble_index};
use coracle_spec::Digest;
use coracle_spec::manifest::Platform;

use super::made::Made;
use crate::destination::{Export, Files};

/// What a build made.
#[derive(Clone)]
pub(super) enum Images {
    /// One image: what is exported is the image, and there is no index.
    One(Platform, Image),
    /// Several, in the order of their platforms' names.
    Several(Index, Vec<Platform>),
}

impl Images {
    /// Answers what a build made; an index is written to the store.
    pub(super) fn of(store: &Store, made: &Made) -> Result<Self, ImageError> {
        if let [(platform, image)] = made.images.as_slice() {
            return Ok(Self::One(*platform, image.clone()));
        }
        let mut all = made.images.clone();
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
}

impl Export for Images {
    fn export(&self, store: &Store, files: &Files) -> Result<Self, ExportError> {
        Ok(match self {
            Self::One(platform, image) => Self::One(*platform, image.export(store, files)?),
            Self::Several(index, platforms) => Self::Several(index.export(store, files)?, platforms.clone()),
        })
    }
}
