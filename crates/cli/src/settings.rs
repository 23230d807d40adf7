//! What the user has set, resolved once: flags win over environment variables, those over files, those over defaults.
//!
//! Only [`environment`] reads the process's environment; the table there documents each variable. The other crates
//! take what they need as values, so a test or a server can have settings that its environment does not.

mod builder;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod buildkit;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod cache;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod certificate;
mod environment;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod outside;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod registries;
mod server;
mod trust;

use std::io;
use std::path::{Path, PathBuf};

use coracle_api::client::Trust;
use coracle_spec::{Class, Failure};

pub(crate) use builder::Builder;
#[cfg(all(feature = "engine", target_os = "linux"))]
pub(crate) use buildkit::{BuildKitFlags, BuildKits};
#[cfg(all(feature = "engine", target_os = "linux"))]
pub(crate) use cache::{Age, Cache, Steps};
#[cfg(all(feature = "engine", target_os = "linux"))]
pub(crate) use certificate::Certificate;
#[cfg(all(feature = "engine", target_os = "linux"))]
pub(crate) use environment::Inherited;
pub(crate) use environment::{Environment, Variable, variables};
#[cfg(all(feature = "engine", target_os = "linux"))]
pub(crate) use outside::Outside;
#[cfg(all(feature = "engine", target_os = "linux"))]
pub(crate) use registries::Registries;
pub(crate) use server::{Server, ServerError};

/// Where a user's data is when nothing says otherwise and the user is root.
const SYSTEM_DATA: &str = "/var/lib/coracle";

/// What the user has set.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Where images, caches and the server's state live.
    pub(crate) data: PathBuf,
    /// Where this user's logins are stored; `None` when the user has no home.
    pub(crate) logins: Option<PathBuf>,
    /// Whom clients believe.
    trust: Trust,
    /// `CORACLE_SERVER` and what belongs to it.
    server: server::FromEnvironment,
    /// How to reach the outside world.
    #[cfg(all(feature = "engine", target_os = "linux"))]
    pub(crate) outside: Outside,
    /// How image registries are reached.
    #[cfg(all(feature = "engine", target_os = "linux"))]
    pub(crate) registries: Registries,
    /// What a server shows.
    #[cfg(all(feature = "engine", target_os = "linux"))]
    pub(crate) certificate: Certificate,
    /// What a build's author may take of the environment.
    #[cfg(all(feature = "engine", target_os = "linux"))]
    pub(crate) inherited: Inherited,
    /// Where a `BuildKit` is.
    #[cfg(all(feature = "engine", target_os = "linux"))]
    pub(crate) buildkits: BuildKits,
    /// What may stay in the store although nothing uses it.
    #[cfg(all(feature = "engine", target_os = "linux"))]
    pub(crate) cache: Cache,
    /// What one step of a build may use.
    #[cfg(all(feature = "engine", target_os = "linux"))]
    pub(crate) steps: Steps,
    /// What the environment says about the Function Builder.
    pub(crate) builder: Builder,
    /// Whether colours and live progress are unwanted.
    pub(crate) plain: bool,
    /// Which of the program's own log lines to show.
    pub(crate) log: Option<String>,
}

/// What flags that every verb takes say about settings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags {
    /// `--data`.
    pub(crate) data: Option<PathBuf>,
}

/// Why the settings make no sense.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// Nothing says where data goes.
    #[error("cannot tell where to keep data: neither `HOME` nor `XDG_DATA_HOME` nor `CORACLE_DATA` is set")]
    NoData,
    /// A variable holds something that is no text.
    #[error("the environment variable `{0}` is not UTF-8")]
    NotText(&'static str),
    /// A variable holds something that makes no sense.
    #[error("the environment variable `{variable}` says nothing usable")]
    Value {
        /// The variable.
        variable: &'static str,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A package manager's configuration is there and cannot be read.
    #[error("cannot read the configuration of a package manager")]
    Configuration(#[source] io::Error),
}

impl Failure for SettingsError {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoData => Some("name a directory with `--data DIR`".to_owned()),
            Self::NotText(_) | Self::Value { .. } | Self::Configuration(_) => None,
        }
    }
}

impl Settings {
    /// Resolves the settings from the flags and the environment of the process.
    pub(crate) fn resolve(flags: &Flags) -> Result<Self, SettingsError> {
        let user = User { is_root: is_root() };
        Self::from(flags, &Environment::of_process(), user)
    }

    fn from(flags: &Flags, environment: &Environment, user: User) -> Result<Self, SettingsError> {
        let logins = environment
            .directory(variables::XDG_CONFIG_HOME, ".config")
            .map(|config| config.join("coracle/logins.json"));
        Ok(Self {
            data: data(flags, environment, user)?,
            logins: logins.clone(),
            trust: trust::read(environment, Path::new("/etc")),
            server: server::FromEnvironment::read(environment)?,
            #[cfg(all(feature = "engine", target_os = "linux"))]
            outside: Outside::read(environment, Path::new("/etc"))?,
            #[cfg(all(feature = "engine", target_os = "linux"))]
            registries: Registries::read(environment, logins)?,
            #[cfg(all(feature = "engine", target_os = "linux"))]
            certificate: Certificate::read(environment),
            #[cfg(all(feature = "engine", target_os = "linux"))]
            inherited: environment.inherited(),
            #[cfg(all(feature = "engine", target_os = "linux"))]
            buildkits: BuildKits::read(environment)?,
            #[cfg(all(feature = "engine", target_os = "linux"))]
            cache: Cache::read(environment)?,
            #[cfg(all(feature = "engine", target_os = "linux"))]
            steps: Steps::read(environment)?,
            builder: Builder::read(environment)?,
            plain: environment.is_set(variables::NO_COLOR)
                || environment.text(variables::TERM)?.as_deref() == Some("dumb"),
            log: environment.text(variables::LOG)?,
        })
    }

    /// Answers whom clients believe.
    pub(crate) fn trust(&self) -> Trust {
        self.trust.clone()
    }

    /// Answers which server to talk to, given what `--server` says.
    pub(crate) fn server(&self, flag: Option<&str>) -> Result<Server, ServerError> {
        server::choose(flag, &self.server, self.logins.as_deref(), &self.socket())
    }

    /// Answers the socket of the server on this data directory.
    fn socket(&self) -> PathBuf {
        self.data.join("coracle.sock")
    }
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

/// Who runs the program.
#[derive(Debug, Clone, Copy)]
struct User {
    is_root: bool,
}

fn data(flags: &Flags, environment: &Environment, user: User) -> Result<PathBuf, SettingsError> {
    let chosen = flags.data.clone().or_else(|| environment.path(variables::DATA));
    let usual = || {
        if user.is_root {
            Some(PathBuf::from(SYSTEM_DATA))
        } else {
            environment
                .directory(variables::XDG_DATA_HOME, ".local/share")
                .map(|data| data.join("coracle"))
        }
    };
    let data = chosen.or_else(usual).ok_or(SettingsError::NoData)?;
    Ok(absolute(&data))
}

/// Answers the path as seen from everywhere; unchanged in the case that the working directory is gone.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: User = User { is_root: true };
    const ADA: User = User { is_root: false };

    fn data_of(flag: Option<&str>, variables: &[(&str, &str)], user: User) -> Option<PathBuf> {
        let flags = Flags {
            data: flag.map(PathBuf::from),
        };
        let settings = Settings::from(&flags, &Environment::of(variables), user);
        settings.ok().map(|settings| settings.data)
    }

    #[test]
    fn the_data_directory_is_the_flags_then_the_variables_then_the_users() {
        let home = ("HOME", "/home/ada");
        for (flag, variables, user, expected) in [
            (Some("/flag"), &[("CORACLE_DATA", "/variable")][..], ROOT, "/flag"),
            (None, &[("CORACLE_DATA", "/variable"), home], ADA, "/variable"),
            (
                None,
                &[("CORACLE_DATA", ""), home],
                ADA,
                "/home/ada/.local/share/coracle",
            ),
            (None, &[("XDG_DATA_HOME", "/xdg"), home], ADA, "/xdg/coracle"),
            (
                None,
                &[("XDG_DATA_HOME", "relative"), home],
                ADA,
                "/home/ada/.local/share/coracle",
            ),
            (None, &[home], ROOT, "/var/lib/coracle"),
        ] {
            assert_eq!(data_of(flag, variables, user), Some(PathBuf::from(expected)));
        }
        assert_eq!(data_of(None, &[], ADA), None);
    }

    #[test]
    fn a_relative_data_directory_is_taken_from_the_working_directory() {
        let expected = std::env::current_dir().unwrap().join("boat");
        assert_eq!(data_of(Some("boat"), &[], ADA), Some(expected));
    }

    #[test]
    fn colours_are_unwanted_with_no_color_and_on_dumb_terminals() {
        for (variables, plain) in [
            (&[("NO_COLOR", "1")][..], true),
            (&[("NO_COLOR", "")], false),
            (&[("TERM", "dumb")], true),
            (&[("TERM", "xterm")], false),
        ] {
            let settings = Settings::from(&Flags::default(), &Environment::of(variables), ROOT).unwrap();
            assert_eq!(settings.plain, plain, "{variables:?}");
        }
    }
}
