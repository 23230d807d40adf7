//! What `coracle build` says that it did.

use std::collections::BTreeMap;
use std::time::Duration;

use coracle_oci::Image;
use coracle_spec::{Counted, Digest, ImageRef};
use serde::Serialize;

use super::images::Images;
use super::leaving::Sent;
use super::made::Made;
use crate::progress::time;
use crate::size::human;

/// What a build resulted in, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    image: String,
    /// Of the image; of the index, if there are several.
    digest: Digest,
    size: u64,
    /// Of the image, if there is one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    layers: Vec<LayerReport>,
    platforms: Vec<PlatformReport>,
    steps: Vec<StepReport>,
    #[serde(flatten)]
    sent: Sent,
    ms: u128,
}

/// The image for a platform.
#[derive(Debug, Serialize)]
struct PlatformReport {
    platform: &'static str,
    digest: Digest,
    size: u64,
    layers: Vec<LayerReport>,
}

#[derive(Debug, Serialize)]
struct LayerReport {
    digest: Digest,
    diff_id: Digest,
    size: u64,
    step: String,
}

#[derive(Debug, Serialize)]
struct StepReport {
    id: String,
    name: String,
    cached: bool,
    ms: u128,
}

/// What was written somewhere. Layers are compressed as every reader understands, so digests are others than those in
/// the store.
#[derive(Debug, Serialize)]
pub(super) struct OutputReport {
    to: String,
    digest: Digest,
    platforms: BTreeMap<&'static str, Digest>,
}

impl OutputReport {
    /// Reports what was written to `to`.
    pub(super) fn of(to: String, written: &Images) -> Self {
        Self {
            to,
            digest: written.digest(),
            platforms: written
                .each()
                .map(|(platform, image)| (platform.name(), image.manifest))
                .collect(),
        }
    }
}

impl Report {
    /// Reports what a build made and wrote.
    pub(super) fn of(made: &Made, images: &Images, reference: &ImageRef, sent: Sent) -> Self {
        let platforms = images.each().map(|(platform, image)| PlatformReport {
            platform: platform.name(),
            digest: image.manifest,
            size: image.size,
            layers: layers(image),
        });
        let steps = made.steps.iter().map(|step| StepReport {
            id: step.id.to_string(),
            name: step.name.clone(),
            cached: step.cached,
            ms: step.duration.as_millis(),
        });
        Self {
            image: reference.to_string(),
            digest: images.digest(),
            size: images.size(),
            layers: match images {
                Images::One(_, image) => layers(image),
                Images::Several(..) => Vec::new(),
            },
            platforms: platforms.collect(),
            steps: steps.collect(),
            sent,
            ms: made.duration.as_millis(),
        }
    }

    /// Says it in a line.
    pub(super) fn summary(&self, took: Duration) -> String {
        let cached = self.steps.iter().filter(|step| step.cached).count();
        format!(
            "built {} in {}: {} in {}, {cached} of {} cached",
            self.image,
            time(took),
            human(self.size),
            self.parts(),
            Counted(self.steps.len(), "step")
        )
    }

    fn parts(&self) -> String {
        match self.platforms.as_slice() {
            [one] => Counted(one.layers.len(), "layer").to_string(),
            several => {
                let names: Vec<_> = several.iter().map(|one| one.platform).collect();
                format!("images for {}", names.join(" and "))
            }
        }
    }
}

fn layers(image: &Image) -> Vec<LayerReport> {
    let layers = image.layers.iter().map(|layer| LayerReport {
        digest: layer.digest,
        diff_id: layer.diff_id,
        size: layer.size,
        step: layer.note.clone(),
    });
    layers.collect()
}
