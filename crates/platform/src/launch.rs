//! What an instance's sandbox is made of: the image, the revision's configuration and its secrets, put together.
//!
//! Pure, so that what a configuration means is a table of tests.

mod files;

use std::collections::BTreeMap;
use std::path::PathBuf;

use coracle_oci::ImageConfig;
use coracle_sandbox::{Limits, Network, Process, Profile, SandboxId, SandboxSpec, Upper};
use coracle_spec::{Class, Failure, FunctionId, RevisionConfig, revision};

use crate::image::{PreparedImage, User};

/// Where an application listens when nobody says.
const DEFAULT_PORT: u16 = 8080;
/// Where programs are searched for when the image does not say.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A secret's name and value.
pub(crate) type Secret = (String, Vec<u8>);

/// Nothing says what to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the image names no program to run")]
pub(crate) struct NoCommand;

impl Failure for NoCommand {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        Some("set `command` in the manifest".to_owned())
    }
}

/// Everything that decides what an instance is made of.
pub(crate) struct Launch<'a> {
    /// The name of the sandbox.
    pub(crate) id: SandboxId,
    /// The function.
    pub(crate) function: &'a FunctionId,
    /// Its image, unpacked.
    pub(crate) image: &'a PreparedImage,
    /// The revision's configuration.
    pub(crate) config: &'a RevisionConfig,
    /// The secrets that it names.
    pub(crate) secrets: &'a [Secret],
}

impl Launch<'_> {
    /// Answers the specification of the sandbox.
    pub(crate) fn spec(self) -> Result<SandboxSpec, NoCommand> {
        let resources = &self.config.resources;
        Ok(SandboxSpec {
            profile: Profile::Run,
            lowers: self.image.lowers.clone(),
            upper: Upper::Tmpfs { size: resources.disk },
            mounts: Vec::new(),
            files: files::placed(self.function, self.config.network, self.secrets),
            process: self.process()?,
            // Processor time is limited when the instance is ready.
            limits: Limits {
                memory: Some(resources.memory),
                cpu: None,
                pids: resources.pids,
            },
            network: match self.config.network {
                revision::Network::Egress => Network::Egress,
                revision::Network::None => Network::None,
            },
            hostname: self.function.name.to_string(),
            id: self.id,
        })
    }

    fn process(&self) -> Result<Process, NoCommand> {
        let image = &self.image.config;
        let User { uid, gid } = self.image.user;
        let args = command(image, self.config);
        if args.is_empty() {
            return Err(NoCommand);
        }
        Ok(Process {
            args,
            env: environment(image, self.config),
            cwd: cwd(image),
            uid,
            gid,
        })
    }
}

/// Answers where the application is told to listen.
pub(crate) fn port(image: &ImageConfig, config: &RevisionConfig) -> u16 {
    let told = config.env.get("PORT").and_then(|port| port.parse().ok());
    config
        .port
        .or(told)
        .or_else(|| exposed(image))
        .unwrap_or(DEFAULT_PORT)
}

/// Answers the first TCP port that the image exposes (image-spec, config.md, `ExposedPorts`).
fn exposed(image: &ImageConfig) -> Option<u16> {
    image
        .exposed_ports
        .iter()
        .find_map(|port| port.strip_suffix("/tcp").unwrap_or(port).parse().ok())
}

/// Answers the program: as with containers elsewhere, a replaced entrypoint drops the image's command too.
pub(crate) fn command(image: &ImageConfig, config: &RevisionConfig) -> Vec<String> {
    let replaced = !config.entrypoint.is_empty();
    let entrypoint = if replaced {
        &config.entrypoint
    } else {
        &image.entrypoint
    };
    let command = match (config.command.is_empty(), replaced) {
        (false, _) => &config.command[..],
        (true, true) => &[],
        (true, false) => &image.cmd,
    };
    entrypoint.iter().chain(command).cloned().collect()
}

fn environment(image: &ImageConfig, config: &RevisionConfig) -> BTreeMap<String, String> {
    let mut env = BTreeMap::from([("PATH".to_owned(), DEFAULT_PATH.to_owned())]);
    env.extend(
        image
            .env
            .iter()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    env.extend(
        config
            .env
            .iter()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    env.insert("PORT".to_owned(), port(image, config).to_string());
    env
}

fn cwd(image: &ImageConfig) -> PathBuf {
    if image.workdir.is_empty() {
        "/".into()
    } else {
        PathBuf::from(&image.workdir)
    }
}
