//! What an instance's sandbox is made of: the image, the revision's configuration and its secrets, put together.
//!
//! Pure, so that what a configuration means is a table of tests.

mod files;
mod signal;
mod watchdog;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use coracle_oci::{ImageConfig, User};
use coracle_sandbox::{Limits, Process, Profile, SandboxId, SandboxSpec, Upper};
use coracle_spec::{Class, Failure, FunctionId, RevisionConfig, revision};

use crate::image::PreparedImage;
use crate::revision::Revision;

pub(crate) use watchdog::behind;

/// Where an application listens when nobody says.
const DEFAULT_PORT: u16 = 8080;
/// Where programs are searched for when the image does not say.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Tells an application where to listen, as on other platforms.
const PORT: &str = "PORT";
/// Tells an application which function it is.
const FUNCTION: &str = "CORACLE_FUNCTION";
/// Tells an application which revision it is.
const REVISION: &str = "CORACLE_REVISION";

/// A secret's name and value.
pub(crate) type Secret = (String, Vec<u8>);

/// Why no instance can be made of an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LaunchError {
    /// Nothing says what to run.
    #[error("the image names no program to run")]
    NoCommand,
    /// It wants to be ended by what is no signal.
    #[error("the image's stop signal is `{0}`, which this machine does not have")]
    StopSignal(String),
}

impl Failure for LaunchError {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoCommand => Some("set `command` in the manifest, or `CMD` in the Dockerfile".to_owned()),
            Self::StopSignal(_) => None,
        }
    }
}

/// Everything that decides what an instance is made of.
pub(crate) struct Launch<'a> {
    /// The name of the sandbox.
    pub(crate) id: SandboxId,
    /// The revision.
    pub(crate) revision: &'a Revision,
    /// Its image, unpacked.
    pub(crate) image: &'a PreparedImage,
    /// The secrets that it names.
    pub(crate) secrets: &'a [Secret],
    /// Variables of every instance, unless the image or the revision says otherwise.
    pub(crate) environment: &'a BTreeMap<String, String>,
}

impl Launch<'_> {
    /// Answers the specification of the sandbox.
    pub(crate) fn spec(self) -> Result<SandboxSpec, LaunchError> {
        let Revision { function, config, .. } = self.revision;
        let resources = &config.resources;
        Ok(SandboxSpec {
            profile: match config.profile {
                revision::Profile::Own => Profile::Run,
                revision::Profile::Image => Profile::Image,
            },
            lowers: self.image.lowers.clone(),
            upper: Upper::Tmpfs { size: resources.disk },
            mounts: Vec::new(),
            files: files::placed(function, self.secrets),
            directories: volumes(&self.image.config),
            made: Vec::new(),
            process: self.process()?,
            // Processor time is limited when the instance is ready.
            limits: Limits {
                memory: Some(resources.memory),
                cpu: None,
                pids: resources.pids,
            },
            network: config.network.into(),
            hostname: function.name.to_string(),
            id: self.id,
        })
    }

    fn process(&self) -> Result<Process, LaunchError> {
        let image = &self.image.config;
        let User { uid, gid, groups, .. } = &self.image.user;
        let args = command(image, &self.revision.config);
        if args.is_empty() {
            return Err(LaunchError::NoCommand);
        }
        Ok(Process {
            args,
            env: self.variables(),
            cwd: cwd(image),
            uid: *uid,
            gid: *gid,
            groups: groups.clone(),
            stop_signal: signal::number(&image.stop_signal)?,
        })
    }

    /// Answers the environment: what is said by who knows more replaces what was said before.
    fn variables(&self) -> BTreeMap<String, String> {
        let (image, config) = (&self.image.config, &self.revision.config);
        let mut variables = BTreeMap::from([("PATH".to_owned(), DEFAULT_PATH.to_owned())]);
        if config.profile == revision::Profile::Image {
            variables.insert("HOME".to_owned(), self.image.user.home.clone());
            variables.insert("HOSTNAME".to_owned(), self.revision.function.name.to_string());
        }
        for more in [self.environment, &image.env, &config.env] {
            variables.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        variables.insert(PORT.to_owned(), port(image, config).to_string());
        variables.insert(FUNCTION.to_owned(), self.revision.function.to_string());
        variables.insert(REVISION.to_owned(), self.revision.number.to_string());
        variables
    }
}

/// Whose a sandbox is, and where it was told to listen, as its environment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Belonging {
    pub(crate) function: FunctionId,
    pub(crate) revision: u64,
    pub(crate) port: u16,
}

impl Belonging {
    /// Reads it from a sandbox of an earlier platform; `None` when no platform made it.
    pub(crate) fn of(spec: &SandboxSpec) -> Option<Self> {
        let env = &spec.process.env;
        Some(Self {
            function: env.get(FUNCTION)?.parse().ok()?,
            revision: env.get(REVISION)?.parse().ok()?,
            port: env.get(PORT)?.parse().ok()?,
        })
    }
}

/// Answers where the application is told to listen.
pub(crate) fn port(image: &ImageConfig, config: &RevisionConfig) -> u16 {
    let told = |env: &BTreeMap<String, String>| env.get(PORT).and_then(|port| port.parse().ok());
    config
        .port
        .or_else(|| told(&config.env))
        .or_else(|| told(&image.env))
        .or_else(|| exposed(image))
        .unwrap_or(DEFAULT_PORT)
}

/// Answers the lowest TCP port that the image exposes (image-spec, config.md, `ExposedPorts`); the format keeps no order.
fn exposed(image: &ImageConfig) -> Option<u16> {
    let number = |port: &String| port.strip_suffix("/tcp").unwrap_or(port).parse().ok();
    image.exposed_ports.iter().filter_map(number).min()
}

/// Answers the image's volumes: folders of its own root file system, which is gone with the instance as they are to be.
fn volumes(image: &ImageConfig) -> Vec<PathBuf> {
    let inside = |volume: &String| Path::new("/").join(volume);
    image.volumes.iter().map(inside).collect()
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

fn cwd(image: &ImageConfig) -> PathBuf {
    if image.workdir.is_empty() {
        "/".into()
    } else {
        Path::new("/").join(&image.workdir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(text: &str) -> ImageConfig {
        serde_json::from_str(text).unwrap()
    }

    fn config(text: &str) -> RevisionConfig {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn the_port_is_the_revisions_then_the_images_then_8080() {
        for (of_image, of_revision, expected) in [
            ("{}", "{}", 8080),
            (r#"{"exposed_ports": ["53/udp", "443/tcp", "80/tcp"]}"#, "{}", 80),
            (
                r#"{"exposed_ports": ["80/tcp"], "env": {"PORT": "81"}}"#,
                "{}",
                81,
            ),
            (r#"{"env": {"PORT": "81"}}"#, r#"{"env": {"PORT": "82"}}"#, 82),
            (
                r#"{"env": {"PORT": "81"}}"#,
                r#"{"env": {"PORT": "82"}, "port": 83}"#,
                83,
            ),
            (r#"{"env": {"PORT": "none"}}"#, "{}", 8080),
        ] {
            assert_eq!(
                port(&image(of_image), &config(of_revision)),
                expected,
                "{of_image} {of_revision}"
            );
        }
    }

    #[test]
    fn a_replaced_entrypoint_drops_the_images_command() {
        let of_image = image(r#"{"entrypoint": ["e"], "cmd": ["c"]}"#);
        for (of_revision, expected) in [
            ("{}", vec!["e", "c"]),
            (r#"{"command": ["d"]}"#, vec!["e", "d"]),
            (r#"{"entrypoint": ["f"]}"#, vec!["f"]),
            (r#"{"entrypoint": ["f"], "command": ["d"]}"#, vec!["f", "d"]),
        ] {
            assert_eq!(
                command(&of_image, &config(of_revision)),
                expected,
                "{of_revision}"
            );
        }
    }
}
