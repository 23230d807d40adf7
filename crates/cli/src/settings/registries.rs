//! How image registries are reached, and who we are there.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use coracle_distribution::{Credentials, DockerConfig, Engine, File, First, Mirrors};

use super::server::registry::OwnServers;
use super::{Environment, Outside, SettingsError, variables};

/// How image registries are reached, and who we are there.
#[derive(Debug, Default)]
pub(crate) struct Registries {
    /// Our own file of credentials; `None` when the user has no home.
    pub(crate) file: Option<PathBuf>,
    /// The servers that we are logged in to.
    servers: OwnServers,
    /// Docker's `config.json`.
    docker: Option<PathBuf>,
    /// `CORACLE_REGISTRY_MIRRORS`.
    mirrors: Mirrors,
    /// `CORACLE_INSECURE_REGISTRIES`.
    insecure: BTreeSet<String>,
    /// `CORACLE_REGISTRY_CA`.
    authorities: Option<PathBuf>,
    /// `DOCKER_HOST`.
    engine: Option<Engine>,
}

impl Registries {
    /// Reads the environment; `logins` has this user's logins to servers.
    pub(super) fn read(environment: &Environment, logins: Option<PathBuf>) -> Result<Self, SettingsError> {
        let insecure = environment
            .text(variables::INSECURE_REGISTRIES)?
            .unwrap_or_default();
        let hosts = insecure.split(',').map(str::trim).filter(|host| !host.is_empty());
        Ok(Self {
            file: environment
                .directory(variables::XDG_CONFIG_HOME, ".config")
                .map(|config| config.join("coracle/registries.json")),
            servers: OwnServers::read(environment, logins)?,
            docker: environment
                .directory(variables::DOCKER_CONFIG, ".docker")
                .map(|docker| docker.join("config.json")),
            mirrors: environment
                .parsed(variables::REGISTRY_MIRRORS)?
                .unwrap_or_default(),
            insecure: hosts.map(str::to_owned).collect(),
            authorities: environment.path(variables::REGISTRY_CA),
            engine: environment.parsed(variables::DOCKER_HOST)?,
        })
    }

    /// Answers the settings of a client that is whom our own file says, else a login to a server, else Docker's file.
    pub(crate) fn client(&self, outside: &Outside) -> coracle_distribution::Settings {
        let fetch = outside.fetch_config();
        coracle_distribution::Settings {
            credentials: self.credentials(),
            insecure: self.insecure.clone(),
            servers: self.servers.schemes(),
            ca_bundle: fetch.ca_bundle,
            more_authorities: self.authorities.clone(),
            mirrors: self.mirrors.clone(),
            proxies: fetch.proxies,
            ..coracle_distribution::Settings::default()
        }
    }

    /// Answers the Docker Engine that images are loaded into.
    pub(crate) fn engine(&self) -> Engine {
        self.engine.clone().unwrap_or_else(Engine::usual)
    }

    fn credentials(&self) -> Arc<dyn Credentials> {
        let own = self
            .file
            .iter()
            .map(|file| Arc::new(File::at(file)) as Arc<dyn Credentials>);
        let servers = Arc::new(self.servers.clone()) as Arc<dyn Credentials>;
        let docker = self.docker.iter();
        let docker = docker.map(|file| Arc::new(DockerConfig::at(file)) as Arc<dyn Credentials>);
        Arc::new(First::of(own.chain([servers]).chain(docker).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_are_reached_as_the_variables_say() {
        let registries = Registries::read(
            &Environment::of(&[
                ("HOME", "/home/ada"),
                ("CORACLE_REGISTRY_MIRRORS", "docker.io=https://m.example"),
                ("CORACLE_INSECURE_REGISTRIES", "a.example:5000, b.example,"),
                ("CORACLE_REGISTRY_CA", "/ca.pem"),
                ("DOCKER_HOST", "tcp://127.0.0.1:2375"),
            ]),
            None,
        )
        .unwrap();
        let settings = registries.client(&Outside::default());
        assert!(settings.insecure.contains("b.example") && settings.insecure.len() == 2);
        assert_eq!(settings.more_authorities, Some(PathBuf::from("/ca.pem")));
        assert_ne!(settings.mirrors, Mirrors::default());
        assert_eq!(registries.engine().to_string(), "tcp://127.0.0.1:2375");
        assert_eq!(
            registries.file,
            Some(PathBuf::from("/home/ada/.config/coracle/registries.json"))
        );
        assert_eq!(
            registries.docker,
            Some(PathBuf::from("/home/ada/.docker/config.json"))
        );
    }

    #[test]
    fn a_variable_that_makes_no_sense_is_named() {
        for (name, value) in [("CORACLE_REGISTRY_MIRRORS", "boat"), ("DOCKER_HOST", "ssh://a@b")] {
            let error = Registries::read(&Environment::of(&[(name, value)]), None).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
