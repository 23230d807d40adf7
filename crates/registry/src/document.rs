//! Manifests as documents: what they name, whatever their format.
//!
//! Read loosely (OCI image specification 1.1, manifest.md and image-index.md; Docker image manifest V2, schema 2): a
//! registry keeps the bytes as they came, and needs to know only what must stay with them.

use std::collections::BTreeMap;

use coracle_spec::Digest;
use serde::{Deserialize, Serialize};

use crate::error::RegistryError;

pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Of drafts of version 1.1; there are registries full of them.
const OCI_ARTIFACT: &str = "application/vnd.oci.artifact.manifest.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

const KNOWN: [&str; 5] = [
    OCI_MANIFEST,
    OCI_INDEX,
    DOCKER_MANIFEST,
    DOCKER_LIST,
    OCI_ARTIFACT,
];

/// A manifest that can be taken.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) media_type: String,
    raw: Raw,
}

/// What somebody who asks for referrers is told of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Referrer {
    pub(crate) media_type: String,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) artifact_type: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    artifact_type: Option<String>,
    #[serde(default)]
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Option<Vec<Descriptor>>,
    #[serde(default)]
    blobs: Option<Vec<Descriptor>>,
    #[serde(default)]
    manifests: Option<Vec<Descriptor>>,
    #[serde(default)]
    subject: Option<Descriptor>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    digest: Digest,
    #[serde(default)]
    media_type: Option<String>,
    /// Where else it is: then it need not be here.
    #[serde(default)]
    urls: Option<Vec<String>>,
}

impl Document {
    /// Reads a manifest that is said to be of the type `said`.
    pub(crate) fn read(bytes: &[u8], said: Option<&str>) -> Result<Self, RegistryError> {
        // What does not begin so the store would not take for a document, and not keep what it names.
        if bytes.first() != Some(&b'{') {
            return Err(invalid("it does not begin with `{`"));
        }
        let raw: Raw =
            serde_json::from_slice(bytes).map_err(|error| RegistryError::Manifest(error.to_string()))?;
        if raw.manifests.is_some() && (raw.layers.is_some() || raw.config.is_some()) {
            return Err(invalid("it is both an index and an image"));
        }
        let media_type = raw.agreed(said)?;
        if !KNOWN.contains(&media_type.as_str()) {
            return Err(RegistryError::Manifest(format!(
                "`{media_type}` is no type of a manifest"
            )));
        }
        Ok(Self { media_type, raw })
    }

    /// Answers the blobs that must be there.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = Digest> {
        let lists = [&self.raw.layers, &self.raw.blobs];
        let listed = lists.into_iter().flatten().flatten();
        let here = |one: &&Descriptor| one.urls.as_ref().is_none_or(Vec::is_empty);
        self.raw
            .config
            .iter()
            .chain(listed)
            .filter(here)
            .map(|one| one.digest)
    }

    /// Answers the manifests that must be there.
    pub(crate) fn manifests(&self) -> impl Iterator<Item = Digest> {
        self.raw.manifests.iter().flatten().map(|one| one.digest)
    }

    /// Answers what it is about.
    pub(crate) fn subject(&self) -> Option<Digest> {
        self.raw.subject.as_ref().map(|subject| subject.digest)
    }

    /// Answers what is told of it among the referrers of its subject.
    pub(crate) fn referrer(&self, digest: Digest, size: u64) -> Referrer {
        let named = |text: &&String| !text.is_empty();
        let config = || {
            self.raw
                .config
                .as_ref()
                .and_then(|config| config.media_type.as_ref())
        };
        let artifact_type = self.raw.artifact_type.as_ref().filter(named).or_else(config);
        Referrer {
            media_type: self.media_type.clone(),
            digest,
            size,
            artifact_type: artifact_type.cloned(),
            annotations: self.raw.annotations.clone().unwrap_or_default(),
        }
    }
}

impl Raw {
    /// Answers the type that sender and document agree on.
    fn agreed(&self, said: Option<&str>) -> Result<String, RegistryError> {
        let own = self.media_type.as_deref().filter(|text| !text.is_empty());
        match (said, own) {
            (Some(said), Some(own)) if said != own => Err(RegistryError::Manifest(format!(
                "it was sent as `{said}` and says that it is `{own}`"
            ))),
            (Some(one), _) | (None, Some(one)) => Ok(one.to_owned()),
            (None, None) if self.manifests.is_some() => Ok(OCI_INDEX.to_owned()),
            (None, None) => Ok(OCI_MANIFEST.to_owned()),
        }
    }
}

fn invalid(why: &str) -> RegistryError {
    RegistryError::Manifest(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_manifest_names_is_found_in_each_format() {
        let [a, b, c, d] = ["a", "b", "c", "d"].map(Digest::of);
        let image = format!(
            r#"{{"config":{{"digest":"{a}","mediaType":"x/y"}},"layers":[{{"digest":"{b}"}},{{"digest":"{c}","urls":["u"]}}],
              "subject":{{"digest":"{d}"}},"annotations":null}}"#
        );
        let image = Document::read(image.as_bytes(), None).unwrap();
        assert_eq!(image.media_type, OCI_MANIFEST);
        assert_eq!(image.blobs().collect::<Vec<_>>(), [a, b]);
        assert_eq!(image.subject(), Some(d));
        assert_eq!(image.referrer(a, 1).artifact_type.as_deref(), Some("x/y"));
        let index = format!(r#"{{"manifests":[{{"digest":"{a}"}}],"artifactType":"t"}}"#);
        let index = Document::read(index.as_bytes(), Some(DOCKER_LIST)).unwrap();
        assert_eq!(index.manifests().collect::<Vec<_>>(), [a]);
        assert_eq!(index.referrer(a, 1).artifact_type.as_deref(), Some("t"));
        let index = Document::read(br#"{"manifests":[]}"#, None).unwrap();
        assert_eq!(index.media_type, OCI_INDEX);
        assert_eq!(index.referrer(a, 1).artifact_type, None);
        let artifact = format!(r#"{{"mediaType":"{OCI_ARTIFACT}","blobs":[{{"digest":"{a}"}}]}}"#);
        let artifact = Document::read(artifact.as_bytes(), None).unwrap();
        assert_eq!(artifact.blobs().collect::<Vec<_>>(), [a]);
    }

    #[test]
    fn what_is_no_manifest_is_refused_with_a_reason() {
        let both = br#"{"manifests":[],"layers":[]}"#;
        let other = br#"{"mediaType":"application/vnd.oci.image.index.v1+json"}"#;
        let sha512 = format!(r#"{{"config":{{"digest":"sha512:{}"}}}}"#, "0".repeat(128));
        for (bytes, said, reason) in [
            (b"".as_slice(), None, "begin"),
            (b" {}", None, "begin"),
            (b"[]", None, "begin"),
            (b"{", None, "EOF"),
            (b"{}", Some("text/plain"), "no type"),
            (both, None, "both"),
            (other, Some(OCI_MANIFEST), "was sent as"),
            (sha512.as_bytes(), None, "sha512"),
        ] {
            let error = Document::read(bytes, said).unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
            assert_eq!(error.code(), "MANIFEST_INVALID");
        }
    }
}
