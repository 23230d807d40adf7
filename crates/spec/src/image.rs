//! The configuration of an image, whole: what a build that starts from somebody else's image reads and writes again.
//!
//! The shape is the OCI image specification's (config.md) with what Docker adds (`Healthcheck`, `OnBuild`, `Shell`;
//! Docker image specification 1.3). Order is kept where engines keep it: environment, history.

#![expect(clippy::zero_sized_map_values, reason = "the format writes a set so")]

mod environment;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

pub use environment::Environment;

/// An image's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageDocument {
    /// When it was made, as RFC 3339 writes it; empty when it does not say.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub created: String,
    /// Who made it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub author: String,
    /// The processor architecture, in Go's words: `amd64`.
    pub architecture: String,
    /// The variant of the architecture: `v8`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub variant: String,
    /// The operating system: `linux`.
    pub os: String,
    /// How it is run.
    #[serde(deserialize_with = "or_default")]
    pub config: RunConfig,
    /// Its layers.
    pub rootfs: RootFs,
    /// How it came about, the oldest first.
    #[serde(deserialize_with = "or_default")]
    pub history: Vec<History>,
}

/// How an image is run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RunConfig {
    /// Who runs it: `UID`, `UID:GID` or names; empty for root.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// Ports that it listens on, as `8080/tcp`.
    #[serde(skip_serializing_if = "Names::is_empty", deserialize_with = "or_default")]
    pub exposed_ports: Names,
    /// The environment, in order.
    #[serde(
        skip_serializing_if = "Environment::is_empty",
        deserialize_with = "or_default"
    )]
    pub env: Environment,
    /// What runs, before `cmd`. An empty list is not the same as none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// What runs, or the arguments of `entrypoint`. An empty list is not the same as none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cmd: Option<Vec<String>>,
    /// Whether the words of `cmd` need no quotes: Docker's tools set it with each `CMD` and look at it on Windows only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub args_escaped: bool,
    /// Folders that are not part of the image when it runs.
    #[serde(skip_serializing_if = "Names::is_empty", deserialize_with = "or_default")]
    pub volumes: Names,
    /// The working directory; empty for the root.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "or_default")]
    pub labels: BTreeMap<String, String>,
    /// The signal that ends it, as `SIGTERM`; empty for that one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stop_signal: String,
    /// How to see whether it works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
    /// Instructions for images that stand on this one, as a Dockerfile writes them.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub on_build: Vec<String>,
    /// What runs commands in the shell's form; empty for `/bin/sh -c`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub shell: Vec<String>,
}

/// A set of names, as the format writes it: an object whose values hold nothing.
pub type Names = BTreeMap<String, Empty>;

/// An object that holds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Empty {}

/// How to see whether a container works. Times are in nanoseconds; zero means the engine's default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Healthcheck {
    /// `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", line]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub test: Vec<String>,
    /// Between two checks.
    #[serde(skip_serializing_if = "is_zero")]
    pub interval: u64,
    /// How long one may take.
    #[serde(skip_serializing_if = "is_zero")]
    pub timeout: u64,
    /// How long failures do not count.
    #[serde(skip_serializing_if = "is_zero")]
    pub start_period: u64,
    /// Between two checks during that time.
    #[serde(skip_serializing_if = "is_zero")]
    pub start_interval: u64,
    /// How many failures in a row make it unhealthy.
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: u64,
}

/// The layers of an image, by the digests of their uncompressed tars, the lowest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RootFs {
    /// Always `layers`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The digests, as text: an image may come from where other algorithms are in use.
    #[serde(deserialize_with = "or_default")]
    pub diff_ids: Vec<String>,
}

impl Default for RootFs {
    fn default() -> Self {
        Self {
            kind: "layers".to_owned(),
            diff_ids: Vec::new(),
        }
    }
}

/// One thing that was done to make an image.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// When, as RFC 3339 writes it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub created: String,
    /// What was done.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub created_by: String,
    /// Who did it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub author: String,
    /// What the tool notes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// Whether it made no layer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub empty_layer: bool,
}

/// Reads `null` as nothing: Go's tools write empty lists and maps so.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_that_go_wrote_is_read_and_written_again() {
        let text = r#"{"created":"2024-01-02T03:04:05Z","architecture":"amd64","os":"linux","config":{"User":"app",
            "ExposedPorts":{"80/tcp":{}},"Env":["PATH=/bin","B=1","A=2"],"Cmd":null,"Entrypoint":["/e"],"Volumes":null,
            "Healthcheck":{"Test":["CMD-SHELL","true"],"Interval":1000000000},"OnBuild":null,"Shell":["/bin/bash","-c"]},
            "rootfs":{"type":"layers","diff_ids":null},"history":[{"created_by":"ENV B=1","empty_layer":true}]}"#;
        let document: ImageDocument = serde_json::from_str(text).unwrap();
        assert_eq!(
            document.config.env.iter().collect::<Vec<_>>(),
            [("PATH", "/bin"), ("B", "1"), ("A", "2")]
        );
        let again: ImageDocument = serde_json::from_str(&serde_json::to_string(&document).unwrap()).unwrap();
        assert_eq!(again, document);
        assert_eq!(document.config.cmd, None);
        assert_eq!(document.config.healthcheck.unwrap().interval, 1_000_000_000);
    }

    #[test]
    fn an_empty_command_is_kept_apart_from_none() {
        let with = |text: &str| serde_json::from_str::<RunConfig>(text).unwrap();
        assert_eq!(
            serde_json::to_string(&with(r#"{"Cmd":[]}"#)).unwrap(),
            r#"{"Cmd":[]}"#
        );
        assert_eq!(serde_json::to_string(&with("{}")).unwrap(), "{}");
    }
}
