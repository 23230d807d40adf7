//! Manifests and indexes as registries have them: OCI's and Docker's (image-spec, manifest.md and image-index.md;
//! distribution documentation, "Image Manifest V 2, Schema 2").

use std::str::FromStr;

use coracle_spec::Digest;
use serde::{Deserialize, Deserializer};

use crate::error::DistributionError;

/// What is accepted when a manifest is asked for.
pub(crate) const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.docker.distribution.manifest.v2+json";

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// The configurations of images that can be run.
const CONFIGS: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];

/// The most layers that an image may have: overlays of the kernel take no more than half of that.
const MOST_LAYERS: usize = 1000;

/// A manifest or an index.
#[derive(Debug, Clone)]
pub(crate) enum Document {
    /// The images of several platforms.
    Index(Vec<Descriptor>),
    /// An image.
    Manifest(Manifest),
}

/// An image.
#[derive(Debug, Clone)]
pub(crate) struct Manifest {
    pub(crate) config: Descriptor,
    pub(crate) layers: Vec<Descriptor>,
}

/// A reference to something else (image-spec, descriptor.md).
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    #[serde(default)]
    pub(crate) media_type: String,
    digest: String,
    pub(crate) size: u64,
    #[serde(default, deserialize_with = "or_default")]
    urls: Vec<String>,
    pub(crate) platform: Option<Platform>,
}

/// What an image is made for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Platform {
    pub(crate) os: String,
    pub(crate) architecture: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) variant: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    #[serde(default)]
    schema_version: u32,
    #[serde(default)]
    media_type: String,
    config: Option<Descriptor>,
    #[serde(default, deserialize_with = "or_default")]
    layers: Vec<Descriptor>,
    manifests: Option<Vec<Descriptor>>,
}

impl Document {
    /// Reads what the registry has as `image`.
    pub(crate) fn read(image: &str, bytes: &[u8]) -> Result<Self, DistributionError> {
        let raw: Raw = serde_json::from_slice(bytes).map_err(|source| DistributionError::Malformed {
            image: image.to_owned(),
            source,
        })?;
        match (raw.manifests, raw.config) {
            _ if raw.schema_version == 1 => Err(unusable(
                image,
                "it is in Docker's format of before 2016 (schema 1)",
            )),
            (Some(manifests), _) => Ok(Self::Index(manifests)),
            (None, Some(config)) => Ok(Self::Manifest(Manifest {
                config,
                layers: raw.layers,
            })),
            (None, None) => Err(unusable(image, "its manifest has no configuration")),
        }
    }

    /// Answers the media type to push a document as.
    pub(crate) fn media_type(bytes: &[u8]) -> String {
        match serde_json::from_slice::<Raw>(bytes) {
            Ok(raw) if !raw.media_type.is_empty() => raw.media_type,
            Ok(raw) if raw.manifests.is_some() => INDEX.to_owned(),
            _ => MANIFEST.to_owned(),
        }
    }
}

impl Manifest {
    /// Refuses what cannot be run, or not be had, before anything of it is fetched.
    pub(crate) fn check(&self, image: &str, largest: u64) -> Result<(), DistributionError> {
        let config = &self.config.media_type;
        if !config.is_empty() && !CONFIGS.contains(&config.as_str()) {
            return Err(unusable(
                image,
                format!("it is no container image, but `{config}`"),
            ));
        }
        if self.layers.len() > MOST_LAYERS {
            return Err(unusable(image, format!("it has more than {MOST_LAYERS} layers")));
        }
        let size = self
            .layers
            .iter()
            .try_fold(0_u64, |sum, layer| sum.checked_add(layer.size));
        if size.is_none_or(|size| size > largest) {
            return Err(unusable(image, format!("it is larger than {largest} bytes")));
        }
        self.layers.iter().try_for_each(|layer| layer.check(image))
    }
}

impl Descriptor {
    /// Answers the digest.
    pub(crate) fn digest(&self, image: &str) -> Result<Digest, DistributionError> {
        Digest::from_str(&self.digest).map_err(|error| unusable(image, error.to_string()))
    }

    /// Refuses layers whose bytes are elsewhere, and those that cannot be unpacked.
    fn check(&self, image: &str) -> Result<(), DistributionError> {
        if self.media_type.contains("foreign") || self.media_type.contains("nondistributable") {
            let place = self.urls.first().map_or("elsewhere", String::as_str);
            let place = coracle_fetch::SafeUrl::of(place);
            return Err(unusable(
                image,
                format!(
                    "the registry does not have its layer `{}`, which is at `{place}`",
                    self.digest
                ),
            ));
        }
        match coracle_oci::Compression::of_media_type(&self.media_type) {
            Some(_) => Ok(()),
            None => Err(unusable(
                image,
                format!("a layer of type `{}` cannot be unpacked", self.media_type),
            )),
        }
    }
}

pub(crate) fn unusable(image: &str, reason: impl Into<String>) -> DistributionError {
    DistributionError::Unusable {
        image: image.to_owned(),
        reason: reason.into(),
    }
}

/// Reads `null` as nothing: Go's tools write empty lists so.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(rest: &str) -> String {
        let digest = Digest::of("layer");
        format!(
            r#"{{"schemaVersion":2,"config":{{"digest":"{digest}","size":1}},"layers":[{{"digest":"{digest}",{rest}}}]}}"#
        )
    }

    fn refusal(text: &str) -> String {
        let checked = Document::read("a:1", text.as_bytes()).and_then(|document| match document {
            Document::Manifest(manifest) => manifest.check("a:1", 1000),
            Document::Index(_) => Ok(()),
        });
        checked.unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_be_run_is_refused_with_the_reason() {
        let foreign = r#""size":1,"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","urls":["https://me:sesame@a.example/x?k=sesame"]"#;
        let refused = refusal(&layer(foreign));
        assert!(
            refused.contains("https://a.example/x") && !refused.contains("sesame"),
            "{refused}"
        );
        for (text, part) in [
            (layer(r#""size":1,"mediaType":"application/x""#), "`application/x`"),
            (layer(r#""size":1001,"mediaType":"x""#), "larger than 1000"),
            (r#"{"schemaVersion":1,"fsLayers":[]}"#.to_owned(), "schema 1"),
            (r#"{"schemaVersion":2}"#.to_owned(), "no configuration"),
            (
                r#"{"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":"x","size":1}}"#.to_owned(),
                "no container image",
            ),
            ("[".to_owned(), "makes no sense"),
        ] {
            assert!(refusal(&text).contains(part), "{}", refusal(&text));
        }
    }

    #[test]
    fn a_document_without_a_type_is_told_by_what_it_has() {
        assert_eq!(Document::media_type(br#"{"manifests":[]}"#), INDEX);
        assert_eq!(
            Document::media_type(br#"{"config":{"digest":"x","size":1}}"#),
            MANIFEST
        );
        assert_eq!(Document::media_type(br#"{"mediaType":"a/b"}"#), "a/b");
    }
}
