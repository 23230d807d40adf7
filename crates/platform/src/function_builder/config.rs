//! What a body asks for: the file `com.openfaas.docker.config` in it.
//!
//! Keys that are not known are ignored, as clients of all ages send some.

use std::collections::BTreeMap;

use coracle_spec::manifest::{Platform, UnknownPlatform};
use coracle_spec::reference::InvalidReference;
use coracle_spec::{Class, Failure, ImageRef};
use serde::Deserialize;

/// The longest name of an image.
const LONGEST_IMAGE: usize = 512;

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Document {
    image: Option<String>,
    /// What `image` was called before 2021.
    #[serde(rename = "ref", alias = "Ref")]
    reference: Option<String>,
    build_args: Option<BTreeMap<String, String>>,
    platforms: Option<Vec<String>>,
    skip_push: Option<bool>,
}

/// What a body asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The image's name as it was sent, which answers repeat; empty when nothing is pushed and none was given.
    pub(super) name: String,
    /// Where the image goes; none: nowhere.
    pub(super) push: Option<ImageRef>,
    /// The Dockerfile's arguments.
    pub(super) args: BTreeMap<String, String>,
    /// What it is built for; none: this machine.
    pub(super) platforms: Vec<Platform>,
}

/// Why nobody knows what a body asks for.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not JSON, or not of this shape.
    #[error("`com.openfaas.docker.config` cannot be understood")]
    Json(#[from] serde_json::Error),
    /// It names no image.
    #[error("`com.openfaas.docker.config` names no `image`")]
    NoImage,
    /// Its image has a name that is none.
    #[error("`com.openfaas.docker.config` names an `image` that cannot be pushed")]
    Image(#[from] InvalidReference),
    /// It names a digest to push to.
    #[error("`com.openfaas.docker.config` names an `image` by digest, which only the build can tell")]
    Digest,
    /// Its image's name is too long.
    #[error("`com.openfaas.docker.config` names an `image` of more than {LONGEST_IMAGE} bytes")]
    TooLong,
    /// It names a platform that nothing is built for.
    #[error("`com.openfaas.docker.config` names `platforms` that nothing is built for")]
    Platform(#[from] UnknownPlatform),
}

impl Failure for ConfigError {
    fn class(&self) -> Class {
        Class::User
    }
}

impl Wanted {
    /// Reads the file.
    pub(super) fn parse(text: &[u8]) -> Result<Self, ConfigError> {
        // A list would be taken for the values of the keys.
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(text)?;
        let document: Document = serde_json::from_value(object.into())?;
        let skip = document.skip_push.unwrap_or(false);
        let name = document.image.or(document.reference).unwrap_or_default();
        let name = name.trim();
        if name.len() > LONGEST_IMAGE {
            return Err(ConfigError::TooLong);
        }
        let push = match name {
            "" if skip => None,
            "" => return Err(ConfigError::NoImage),
            name => Some(reference(name)?).filter(|_| !skip),
        };
        let platforms = document.platforms.unwrap_or_default();
        Ok(Self {
            name: name.to_owned(),
            push,
            args: document.build_args.unwrap_or_default(),
            platforms: platforms
                .iter()
                .map(|text| platform(text))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// A repository is lower-case, and clients send what people write; tags may have capitals.
fn reference(name: &str) -> Result<ImageRef, ConfigError> {
    let tag = name.rfind(':').filter(|at| !name[*at..].contains('/'));
    let (repository, tag) = name.split_at(tag.unwrap_or(name.len()));
    let reference: ImageRef = format!("{}{tag}", repository.to_lowercase()).parse()?;
    match reference.digest() {
        Some(_) => Err(ConfigError::Digest),
        None => Ok(reference),
    }
}

/// `linux/arm64/v8` is how some tools write the only kind of `linux/arm64` that there is.
fn platform(text: &str) -> Result<Platform, UnknownPlatform> {
    match text.trim() {
        "linux/arm64/v8" => Ok(Platform::LinuxArm64),
        text => text.parse(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(text: &str) -> Wanted {
        Wanted::parse(text.as_bytes()).unwrap()
    }

    fn pushed(text: &str) -> String {
        wanted(text).push.unwrap().full_name()
    }

    #[test]
    fn each_producers_file_is_understood() {
        assert_eq!(pushed(r#"{"image":"ttl.sh/a:1h"}"#), "ttl.sh/a:1h");
        assert_eq!(pushed(r#"{"ref":"ttl.sh/a"}"#), "ttl.sh/a:latest");
        assert_eq!(pushed(r#"{"Ref":"ttl.sh/a","push":false}"#), "ttl.sh/a:latest");
        assert_eq!(pushed(r#"{"image":"Alex/Hello:V1"}"#), "docker.io/alex/hello:V1");
        assert_eq!(
            pushed(r#"{"image":"localhost:5000/Hello"}"#),
            "localhost:5000/hello:latest"
        );
        let all = wanted(
            r#"{"image":"a","buildArgs":{"A":"1","ADDITIONAL_PACKAGE":""},"platforms":["linux/amd64","linux/arm64/v8"],
                "frontend":"x","unknown":{"a":[1]}}"#,
        );
        assert_eq!(all.args.len(), 2);
        assert_eq!(all.platforms, Platform::ALL);
        assert_eq!(
            wanted(r#"{"image":"a","buildArgs":{},"platforms":null}"#).platforms,
            []
        );
    }

    #[test]
    fn a_build_without_a_push_needs_no_name_and_keeps_the_one_it_has() {
        assert_eq!(wanted(r#"{"skipPush":true}"#).name, "");
        let named = wanted(r#"{"skipPush":true,"image":"a/B"}"#);
        assert_eq!((named.name.as_str(), named.push), ("a/B", None));
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_its_reason() {
        for (text, reason) in [
            ("", "cannot be understood"),
            ("[]", "cannot be understood"),
            (r#"{"image":1}"#, "cannot be understood"),
            ("{}", "names no `image`"),
            (r#"{"image":" "}"#, "names no `image`"),
            (r#"{"image":"a b"}"#, "cannot be pushed"),
            (
                r#"{"image":"a","platforms":["windows/amd64"]}"#,
                "nothing is built for",
            ),
        ] {
            let error = Wanted::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        let long = format!(r#"{{"image":"{}"}}"#, "a".repeat(600));
        assert!(matches!(
            Wanted::parse(long.as_bytes()),
            Err(ConfigError::TooLong)
        ));
        let digest = format!(r#"{{"image":"a@{}"}}"#, coracle_spec::Digest::of("x"));
        assert!(matches!(
            Wanted::parse(digest.as_bytes()),
            Err(ConfigError::Digest)
        ));
    }
}
