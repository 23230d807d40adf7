//! Where a BuildKit is, for builds that it does.

use std::path::{Path, PathBuf};

use clap::Args;
use coracle_buildkit::{Address, Certificates, Endpoint, InvalidAddress, Place, Server};
use coracle_spec::{Class, Failure};

use super::{Environment, SettingsError, variables};

/// Where `buildkitd` listens when nothing says otherwise.
const SOCKET: &str = "/run/buildkit/buildkitd.sock";

/// Flags that say where a BuildKit is.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct BuildKitFlags {
    /// The BuildKit: `unix://PATH`, `tcp://HOST:PORT`, or `docker://` for the one in the Docker Engine [default: `BUILDKIT_HOST`, else `/run/buildkit/buildkitd.sock`, else Docker's]
    #[arg(long, value_name = "ADDR")]
    buildkit: Option<Address>,
    /// The authorities, in PEM, of a BuildKit's certificate [default: `CORACLE_BUILDKIT_CA`]
    #[arg(long, value_name = "FILE")]
    buildkit_ca: Option<PathBuf>,
    /// Our certificate, in PEM, for a BuildKit that asks for one [default: `CORACLE_BUILDKIT_CERT`]
    #[arg(long, value_name = "FILE")]
    buildkit_cert: Option<PathBuf>,
    /// The certificate's key, in PEM [default: `CORACLE_BUILDKIT_KEY`]
    #[arg(long, value_name = "FILE")]
    buildkit_key: Option<PathBuf>,
}

impl BuildKitFlags {
    /// Answers whether one of them was given.
    pub(crate) fn are_given(&self) -> bool {
        self.buildkit.is_some()
            || [&self.buildkit_ca, &self.buildkit_cert, &self.buildkit_key]
                .iter()
                .any(|file| file.is_some())
    }
}

/// What the environment says of each `BuildKit`.
#[derive(Debug, Clone, Default)]
pub(crate) struct BuildKits {
    /// `BUILDKIT_HOST`.
    host: Option<String>,
    /// `DOCKER_HOST`.
    docker: Option<String>,
    /// `DOCKER_CERT_PATH`, when `DOCKER_TLS_VERIFY` says that TLS is wanted.
    docker_certificates: Option<PathBuf>,
    ca: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

/// Why it cannot be said where a BuildKit is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildKitPlaceError {
    /// A variable names none.
    #[error("the environment variable `{variable}` names no BuildKit")]
    Variable {
        /// The variable.
        variable: &'static str,
        /// Why not.
        source: InvalidAddress,
    },
    /// A certificate has no key, or a key no certificate.
    #[error("a certificate for BuildKit needs its key, and a key its certificate")]
    Half,
}

impl Failure for BuildKitPlaceError {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Variable { .. } => Some("name one with `--buildkit ADDR`".to_owned()),
            Self::Half => Some("give both `--buildkit-cert` and `--buildkit-key`".to_owned()),
        }
    }
}

impl BuildKits {
    /// Reads the environment.
    pub(super) fn read(environment: &Environment) -> Result<Self, SettingsError> {
        let verifies = environment.is_set(variables::DOCKER_TLS_VERIFY);
        let folder = environment.directory(variables::DOCKER_CERT_PATH, ".docker");
        Ok(Self {
            host: environment.text(variables::BUILDKIT_HOST)?,
            docker: environment.text(variables::DOCKER_HOST)?,
            docker_certificates: folder.filter(|_| verifies),
            ca: environment.path(variables::BUILDKIT_CA),
            certificate: environment.path(variables::BUILDKIT_CERT),
            key: environment.path(variables::BUILDKIT_KEY),
        })
    }

    /// Answers where the BuildKit is: as the flags say, else the environment, else where one usually is.
    pub(crate) fn place(&self, flags: &BuildKitFlags) -> Result<Place, BuildKitPlaceError> {
        self.place_with(flags, Path::new(SOCKET).exists())
    }

    fn place_with(&self, flags: &BuildKitFlags, is_usual_there: bool) -> Result<Place, BuildKitPlaceError> {
        let address = match (&flags.buildkit, &self.host) {
            (Some(address), _) => address.clone(),
            (None, Some(host)) => parsed(host, variables::BUILDKIT_HOST.name)?,
            (None, None) if is_usual_there => Address {
                server: Server::BuildKit,
                endpoint: Endpoint::Unix(PathBuf::from(SOCKET)),
            },
            (None, None) => Address::docker(Endpoint::default()),
        };
        let address = self.of_docker(address)?;
        let certificates = self.certificates(flags, &address)?;
        Ok(Place {
            address,
            certificates,
        })
    }

    /// Makes the usual Docker Engine the one that `DOCKER_HOST` names.
    fn of_docker(&self, address: Address) -> Result<Address, BuildKitPlaceError> {
        match &self.docker {
            Some(host) if address == Address::docker(Endpoint::default()) => {
                parsed(host, variables::DOCKER_HOST.name).map(Address::docker)
            }
            _ => Ok(address),
        }
    }

    fn certificates(
        &self,
        flags: &BuildKitFlags,
        address: &Address,
    ) -> Result<Option<Certificates>, BuildKitPlaceError> {
        if matches!(address.endpoint, Endpoint::Unix(_)) {
            return Ok(None);
        }
        let or =
            |flag: &Option<PathBuf>, variable: &Option<PathBuf>| flag.clone().or_else(|| variable.clone());
        let ca = or(&flags.buildkit_ca, &self.ca);
        let certificate = or(&flags.buildkit_cert, &self.certificate);
        let key = or(&flags.buildkit_key, &self.key);
        let own = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err(BuildKitPlaceError::Half),
        };
        if ca.is_some() || own.is_some() {
            return Ok(Some(Certificates { ca, own }));
        }
        let folder = self.docker_certificates.as_ref();
        let folder = folder.filter(|_| address.server == Server::Docker);
        Ok(folder.map(|folder| Certificates {
            ca: Some(folder.join("ca.pem")),
            own: Some((folder.join("cert.pem"), folder.join("key.pem"))),
        }))
    }
}

fn parsed<T: std::str::FromStr<Err = InvalidAddress>>(
    text: &str,
    variable: &'static str,
) -> Result<T, BuildKitPlaceError> {
    text.parse()
        .map_err(|source| BuildKitPlaceError::Variable { variable, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(flag: Option<&str>, variables: &[(&str, &str)], is_usual_there: bool) -> Option<Place> {
        let flags = BuildKitFlags {
            buildkit: flag.map(|text| text.parse().unwrap()),
            ..BuildKitFlags::default()
        };
        let kits = BuildKits::read(&Environment::of(variables)).unwrap();
        kits.place_with(&flags, is_usual_there).ok()
    }

    #[test]
    fn the_flag_wins_then_the_variable_then_the_socket_then_docker() {
        let host = ("BUILDKIT_HOST", "tcp://b:1234");
        let docker = ("DOCKER_HOST", "tcp://d:2375");
        for (flag, variables, is_usual_there, expected) in [
            (Some("unix:///x"), &[host, docker][..], true, "unix:///x"),
            (Some("docker://"), &[host, docker], true, "docker://d:2375"),
            (None, &[host, docker], true, "tcp://b:1234"),
            (None, &[docker], true, "unix:///run/buildkit/buildkitd.sock"),
            (None, &[docker], false, "docker://d:2375"),
            (None, &[], false, "docker:///var/run/docker.sock"),
        ] {
            let found = place(flag, variables, is_usual_there).unwrap();
            assert_eq!(found.address.to_string(), expected, "{flag:?} {variables:?}");
        }
        assert!(place(None, &[("BUILDKIT_HOST", "podman")], true).is_none());
        assert!(place(None, &[("DOCKER_HOST", "ssh://d")], false).is_none());
    }

    #[test]
    fn ports_have_the_certificates_that_are_named_and_sockets_none() {
        let own = [
            ("CORACLE_BUILDKIT_CA", "/ca"),
            ("CORACLE_BUILDKIT_CERT", "/cert"),
            ("CORACLE_BUILDKIT_KEY", "/key"),
        ];
        assert!(
            place(Some("unix:///x"), &own, true)
                .unwrap()
                .certificates
                .is_none()
        );
        assert!(
            place(Some("tcp://b:1"), &[], true)
                .unwrap()
                .certificates
                .is_none()
        );
        let found = place(Some("tcp://b:1"), &own, true)
            .unwrap()
            .certificates
            .unwrap();
        assert_eq!(found.ca, Some(PathBuf::from("/ca")));
        assert_eq!(found.own, Some((PathBuf::from("/cert"), PathBuf::from("/key"))));
        assert!(place(Some("tcp://b:1"), &own[..2], true).is_none());
        let docker = [("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", "/d")];
        let found = place(Some("docker://d:2376"), &docker, true).unwrap();
        assert_eq!(found.certificates.unwrap().ca, Some(PathBuf::from("/d/ca.pem")));
        assert!(
            place(Some("docker://d:2376"), &docker[1..], true)
                .unwrap()
                .certificates
                .is_none()
        );
    }
}
