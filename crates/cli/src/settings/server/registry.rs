//! The servers that this user is logged in to, as the image registries that they are too.
//!
//! A login is for one address: scheme, host and port. So is its use here: the password goes to that host and port, and in
//! plain HTTP only if the address of the login says so. Asking for a second login to the same server lost: a deploy pushes
//! with the first one as well.

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;
use coracle_api::{Credentials as Who, Endpoint};
use coracle_distribution::{Credential, CredentialError, Credentials, Scheme};

use super::FromEnvironment;
use crate::login::{Logins, LoginsError};
use crate::settings::{Environment, SettingsError};

/// The servers that this user is logged in to: at `CORACLE_SERVER` with a password, and by `coracle login`.
#[derive(Debug, Clone, Default)]
pub(crate) struct OwnServers {
    environment: FromEnvironment,
    logins: Option<PathBuf>,
}

/// A server that this user is logged in to.
struct Known {
    /// What the names of its images begin with.
    hosts: Vec<String>,
    scheme: Scheme,
    who: Who,
}

impl OwnServers {
    /// Reads the environment; the logins in the file are read when they are needed.
    pub(in crate::settings) fn read(
        environment: &Environment,
        logins: Option<PathBuf>,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            environment: FromEnvironment::read(environment)?,
            logins,
        })
    }

    /// Answers how each of them is spoken to, by what the names of its images begin with.
    ///
    /// None is known from a file that cannot be read: what asks for a login says so.
    pub(in crate::settings) fn schemes(&self) -> BTreeMap<String, Scheme> {
        let mut schemes = BTreeMap::new();
        for known in self.known().unwrap_or_default() {
            for host in known.hosts {
                schemes.entry(host).or_insert(known.scheme);
            }
        }
        schemes
    }

    /// Answers all of them, those first that go before: the environment's, and those with TLS.
    fn known(&self) -> Result<Vec<Known>, LoginsError> {
        let logins = Logins::read(self.logins.as_deref())?;
        let mut stored: Vec<Known> = logins
            .servers()
            .filter_map(|server| Known::at(server.parse().ok()?, logins.credentials(server)))
            .collect();
        stored.sort_by_key(|known| known.scheme != Scheme::Https);
        Ok(self.environment.known().into_iter().chain(stored).collect())
    }
}

impl FromEnvironment {
    fn known(&self) -> Option<Known> {
        let password = self.password.as_ref()?;
        Known::at(self.address.as_ref()?.parse().ok()?, Who::admin(password))
    }
}

impl Known {
    /// Takes a server by its address; nothing when it is a socket, which no image's name names.
    fn at(endpoint: Endpoint, who: Who) -> Option<Self> {
        let (scheme, usual, host, port) = match endpoint {
            Endpoint::Https { host, port } => (Scheme::Https, 443, host, port),
            Endpoint::Http { host, port } => (Scheme::Http, 80, host, port),
            Endpoint::Unix(_) => return None,
        };
        let named = format!("{host}:{port}");
        let bare = (port == usual).then_some(host);
        Some(Self {
            hosts: bare.into_iter().chain([named]).collect(),
            scheme,
            who,
        })
    }
}

#[async_trait]
impl Credentials for OwnServers {
    async fn for_host(&self, host: &str) -> Result<Option<Credential>, CredentialError> {
        let mut known = self.known().map_err(unreadable)?.into_iter();
        let server = known.find(|known| known.hosts.iter().any(|name| name == host));
        Ok(server.and_then(|server| match server.who {
            Who::Basic { user, password } => Some(Credential::basic(user, password)),
            Who::None | Who::Bearer(_) => None,
        }))
    }
}

fn unreadable(error: LoginsError) -> CredentialError {
    match error {
        LoginsError::Malformed { path, source } => CredentialError::Malformed {
            path,
            line: source.line(),
        },
        LoginsError::Read(source) => CredentialError::Read(source),
        LoginsError::Write { path, source } => CredentialError::Write { path, source },
        LoginsError::NoHome => CredentialError::Read(std::io::ErrorKind::NotFound.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(environment: &[(&str, &str)], logins: &[&str]) -> (OwnServers, tempfile::TempDir) {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("logins.json");
        for server in logins {
            let stored = Logins::read(Some(&file)).unwrap();
            stored.store(server, "ada", "sesame", &file).unwrap();
        }
        let servers = OwnServers::read(&Environment::of(environment), Some(file)).unwrap();
        (servers, home)
    }

    async fn user(servers: &OwnServers, host: &str) -> Option<String> {
        let credential = servers.for_host(host).await.unwrap()?;
        credential.user().map(str::to_owned)
    }

    #[tokio::test]
    async fn a_login_to_a_server_is_one_to_the_registry_at_its_host_and_port_and_nowhere_else() {
        let (servers, _home) = servers(
            &[],
            &[
                "https://boats.example",
                "http://127.0.0.1:8080",
                "https://[::1]:8443",
            ],
        );
        for (host, known) in [
            ("boats.example", true),
            ("boats.example:443", true),
            ("127.0.0.1:8080", true),
            ("[::1]:8443", true),
            ("boats.example:80", false),
            ("boats.example:8443", false),
            ("www.boats.example", false),
            ("boats.example.evil.example", false),
            ("127.0.0.1", false),
            ("127.0.0.1:80", false),
            ("localhost:8080", false),
            ("docker.io", false),
        ] {
            assert_eq!(user(&servers, host).await.is_some(), known, "{host}");
        }
    }

    #[test]
    fn a_server_is_spoken_to_as_its_login_says_and_by_tls_where_two_differ() {
        let (servers, _home) = servers(
            &[],
            &[
                "http://boats.example:443",
                "https://boats.example",
                "http://[::1]:80",
            ],
        );
        let schemes = servers.schemes();
        assert_eq!(schemes["boats.example"], Scheme::Https);
        assert_eq!(schemes["boats.example:443"], Scheme::Https);
        assert_eq!(schemes["[::1]"], Scheme::Http);
        assert_eq!(schemes["[::1]:80"], Scheme::Http);
        assert_eq!(schemes.len(), 4);
    }

    #[tokio::test]
    async fn the_server_and_the_password_of_the_environment_go_before_a_login() {
        let server = ("CORACLE_SERVER", "https://boats.example");
        let logins = ["https://boats.example"];
        let (with, _home) = servers(&[server, ("CORACLE_PASSWORD", "open")], &logins);
        assert_eq!(user(&with, "boats.example").await.as_deref(), Some("admin"));
        let (without, _home) = servers(&[server], &logins);
        assert_eq!(user(&without, "boats.example").await.as_deref(), Some("ada"));
        let (nobody, _home) = servers(&[server], &[]);
        assert_eq!(user(&nobody, "boats.example").await, None);
    }

    #[tokio::test]
    async fn logins_that_cannot_be_read_are_named() {
        let (servers, home) = servers(&[], &[]);
        fs_err::write(home.path().join("logins.json"), "boat").unwrap();
        let error = servers.for_host("docker.io").await.unwrap_err();
        assert!(error.to_string().contains("logins.json"), "{error}");
        assert!(servers.schemes().is_empty());
    }
}
