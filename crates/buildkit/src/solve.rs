//! What a build by BuildKit is told, and what it results in.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coracle_build::{CommandNetwork, Pull, Reuse, SecretValue, StepReport};
use coracle_content::Lease;
use coracle_oci::Image;
use coracle_spec::manifest::Platform;

/// The front end that BuildKit has for Dockerfiles.
pub(crate) const FRONTEND: &str = "dockerfile.v0";

/// What to build.
#[derive(Debug, Clone)]
pub struct Solve {
    /// The folder that the Dockerfile copies from.
    pub context: PathBuf,
    /// The Dockerfile, in the context or elsewhere.
    pub dockerfile: PathBuf,
    /// The stage that becomes the image; the last one when nothing is said.
    pub target: Option<String>,
    /// The values of variables, by their names.
    pub args: BTreeMap<String, String>,
    /// What commands may read by `--mount=type=secret`, by id.
    pub secrets: BTreeMap<String, SecretValue>,
    /// Labels that the image gets beside the Dockerfile's.
    pub labels: BTreeMap<String, String>,
    /// What images are for; the daemon's own machine when nothing is said.
    pub platforms: Vec<Platform>,
    /// Which results of earlier builds are used.
    pub reuse: Reuse,
    /// When registries are asked what an image is.
    pub pull: Pull,
    /// What commands reach that say nothing about it.
    pub network: CommandNetwork,
}

/// What a build resulted in.
#[derive(Debug, Clone)]
pub struct Solved {
    /// The images, in the store; one a platform.
    pub images: Vec<Image>,
    /// What each step took, in the order of their beginnings.
    pub steps: Vec<StepReport>,
    /// How long the whole build took.
    pub duration: Duration,
    /// Keeps the images from collection.
    pub lease: Arc<Lease>,
}

/// Knows who we are at registries that BuildKit pulls from.
#[async_trait]
pub trait Logins: Send + Sync {
    /// Answers who we are at `registry`, as references name it: `docker.io`, `localhost:5000`.
    ///
    /// # Errors
    /// When that cannot be found out.
    async fn login(&self, registry: &str) -> Result<Option<Login>, Box<dyn Error + Send + Sync>>;
}

/// Who we are at a registry.
#[derive(Debug, Clone)]
pub struct Login {
    /// The name; empty when the secret is a token that is traded for others.
    pub user: String,
    /// The password.
    pub secret: SecretValue,
}

/// Is nobody anywhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct Anonymous;

#[async_trait]
impl Logins for Anonymous {
    async fn login(&self, _registry: &str) -> Result<Option<Login>, Box<dyn Error + Send + Sync>> {
        Ok(None)
    }
}

impl Solve {
    /// Answers the folders that BuildKit may ask for, by the names that the front end has for them.
    pub(crate) fn folders(&self) -> BTreeMap<&'static str, PathBuf> {
        let beside = self.dockerfile.parent().map(PathBuf::from).unwrap_or_default();
        BTreeMap::from([("context", self.context.clone()), ("dockerfile", beside)])
    }

    /// Answers what the front end is told (BuildKit, `frontend/dockerui/config.go`).
    pub(crate) fn attributes(&self) -> HashMap<String, String> {
        let name = self.dockerfile.file_name().unwrap_or_default();
        let always = [("filename", name.to_string_lossy().into_owned())];
        let target = self.target.iter().map(|target| ("target", target.clone()));
        let reuse = (self.reuse == Reuse::Nothing).then(|| ("no-cache", String::new()));
        let pull = (self.pull == Pull::Always).then(|| ("image-resolve-mode", "pull".to_owned()));
        let network =
            (self.network == CommandNetwork::None).then(|| ("force-network-mode", "none".to_owned()));
        let plain = always
            .into_iter()
            .chain(target)
            .chain(reuse)
            .chain(pull)
            .chain(network);
        let mut attributes: HashMap<_, _> = plain.map(|(key, value)| (key.to_owned(), value)).collect();
        attributes.extend(prefixed("build-arg:", &self.args));
        attributes.extend(prefixed("label:", &self.labels));
        if !self.platforms.is_empty() {
            let names: Vec<_> = self.platforms.iter().map(|platform| platform.name()).collect();
            attributes.insert("platform".to_owned(), names.join(","));
        }
        attributes
    }
}

fn prefixed<'a>(
    prefix: &'a str,
    pairs: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = (String, String)> + 'a {
    pairs
        .iter()
        .map(move |(name, value)| (format!("{prefix}{name}"), value.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_end_is_told_all_that_the_build_is_told() {
        let solve = Solve {
            context: PathBuf::from("/src"),
            dockerfile: PathBuf::from("/src/docker/Dockerfile.prod"),
            target: Some("app".to_owned()),
            args: BTreeMap::from([("A".to_owned(), "1".to_owned())]),
            secrets: BTreeMap::new(),
            labels: BTreeMap::from([("l".to_owned(), "2".to_owned())]),
            platforms: vec![Platform::LinuxAmd64, Platform::LinuxArm64],
            reuse: Reuse::Nothing,
            pull: Pull::Always,
            network: CommandNetwork::None,
        };
        let mut told: Vec<_> = solve.attributes().into_iter().collect();
        told.sort();
        let expected = [
            ("build-arg:A", "1"),
            ("filename", "Dockerfile.prod"),
            ("force-network-mode", "none"),
            ("image-resolve-mode", "pull"),
            ("label:l", "2"),
            ("no-cache", ""),
            ("platform", "linux/amd64,linux/arm64"),
            ("target", "app"),
        ];
        let told: Vec<_> = told
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        assert_eq!(told, expected);
        assert_eq!(solve.folders()["dockerfile"], PathBuf::from("/src/docker"));
    }
}
