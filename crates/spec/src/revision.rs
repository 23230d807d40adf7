//! What a revision is configured with, beside its image.
//!
//! The manifest says it for people, with everything optional; here each value is decided, so that two readers
//! never decide differently. Immutable once stored: a change makes a new revision.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::name::RegistryName;
use crate::quantity::{ByteSize, Cpu, Span};

/// The configuration of a revision. Parts left out of its JSON have the platform's defaults; unknown parts are errors.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RevisionConfig {
    /// Replaces the image's entrypoint, when not empty.
    pub entrypoint: Vec<String>,
    /// Replaces the image's command, when not empty.
    pub command: Vec<String>,
    /// Added to the image's environment.
    pub env: BTreeMap<String, String>,
    /// Names of the secrets that instances see as files.
    pub secrets: Vec<String>,
    /// Where the application listens; left out: what the image exposes, else 8080.
    pub port: Option<u16>,
    /// When an instance counts as ready.
    pub health: Health,
    /// What one instance may use.
    pub resources: Resources,
    /// How many instances there are, and when.
    pub scale: Scale,
    /// How long requests may take.
    pub timeout: Timeouts,
    /// What instances can reach.
    pub network: Network,
    /// The author's labels.
    pub labels: BTreeMap<String, String>,
    /// What instances may do: others' images expect more than own ones.
    #[serde(skip_serializing_if = "Profile::is_own")]
    pub profile: Profile,
    /// The stored credential that the image is pulled with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry: Option<RegistryName>,
}

/// What instances may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// What an application needs that was built here: no privileges at all.
    #[default]
    Own,
    /// What an image of somebody else expects: Docker's default capabilities, over the sandbox's own users only.
    Image,
}

impl Profile {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
    fn is_own(&self) -> bool {
        *self == Self::Own
    }
}

/// When an instance counts as ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Health {
    /// The path that answers a status below 400 when ready; left out: the port accepts connections.
    pub path: Option<String>,
    /// Time between two checks.
    pub interval: Span,
    /// How long one check may take.
    pub timeout: Span,
    /// How long an instance may take to become ready.
    pub grace: Span,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            path: None,
            interval: Span::seconds(10),
            timeout: Span::seconds(2),
            grace: Span::seconds(30),
        }
    }
}

/// What one instance may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Resources {
    /// Memory; beyond it the kernel ends the instance.
    pub memory: ByteSize,
    /// Share of processors; left out: no limit.
    pub cpu: Option<Cpu>,
    /// Processes and threads.
    pub pids: u32,
    /// What it may write; counts as memory too.
    pub disk: ByteSize,
}

impl Default for Resources {
    fn default() -> Self {
        Self {
            memory: ByteSize::mebibytes(256),
            cpu: None,
            pids: 256,
            disk: ByteSize::mebibytes(512),
        }
    }
}

/// How many instances there are, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scale {
    /// The fewest instances.
    pub min: u32,
    /// The most instances.
    pub max: u32,
    /// Requests that one instance serves at once.
    pub concurrency: u32,
    /// Idle time after which an instance is frozen; left out: never.
    pub freeze: Option<Span>,
    /// Idle time after which an instance ends.
    pub idle: Span,
}

impl Default for Scale {
    fn default() -> Self {
        Self {
            min: 0,
            max: 10,
            concurrency: 20,
            freeze: None,
            idle: Span::seconds(300),
        }
    }
}

/// How long requests may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// From the request's arrival to the end of the answer.
    pub request: Span,
    /// From sending to the first byte of the answer.
    pub first_byte: Span,
    /// Between two parts of a streamed body, or on an upgraded connection.
    pub idle: Span,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            request: Span::seconds(60),
            first_byte: Span::seconds(30),
            idle: Span::seconds(60),
        }
    }
}

/// What instances can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// The internet, and other functions through the gateway.
    #[default]
    Egress,
    /// Nothing.
    None,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_configuration_has_the_defaults_and_unknown_keys_are_refused() {
        let config: RevisionConfig = serde_json::from_str("{}").unwrap();
        assert_eq!(config, RevisionConfig::default());
        assert!(serde_json::from_str::<RevisionConfig>(r#"{"scale": {"mim": 1}}"#).is_err());
    }
}
