//! Which server to talk to, and as whom.

#[cfg(all(feature = "engine", target_os = "linux"))]
pub(super) mod registry;

use std::path::{Path, PathBuf};

use coracle_api::client::{InvalidEndpoint, Trust};
use coracle_api::{Client, Credentials, Endpoint};
use coracle_spec::{Class, Failure};

use super::{Environment, SettingsError, variables};
use crate::login::{Logins, LoginsError};

/// A server, and who we are there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) endpoint: Endpoint,
    /// Who we are.
    pub(crate) credentials: Credentials,
}

impl Server {
    /// Answers a client of the server that believes whom `trust` says.
    pub(crate) fn client(self, trust: Trust) -> Client {
        Client::new(self.endpoint, self.credentials).trusting(trust)
    }
}

/// What the environment says about servers.
#[derive(Debug, Clone, Default)]
pub(super) struct FromEnvironment {
    address: Option<String>,
    password: Option<String>,
}

impl FromEnvironment {
    pub(super) fn read(environment: &Environment) -> Result<Self, SettingsError> {
        Ok(Self {
            address: environment.text(variables::SERVER)?,
            password: environment.text(variables::PASSWORD)?,
        })
    }
}

/// Why no server can be chosen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    /// The address cannot be read.
    #[error("{said_by} names no server")]
    Address {
        /// Who named it.
        said_by: &'static str,
        /// What is wrong with it.
        source: InvalidEndpoint,
    },
    /// The stored logins cannot be read.
    #[error("cannot tell where you are logged in")]
    Logins(#[from] LoginsError),
}

impl Failure for ServerError {
    fn class(&self) -> Class {
        match self {
            Self::Address { source, .. } => source.class(),
            Self::Logins(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Address { source, .. } => source.hint(),
            Self::Logins(error) => error.hint(),
        }
    }
}

/// Chooses: the flag, else the variable, else the last login, else the socket.
pub(super) fn choose(
    flag: Option<&str>,
    environment: &FromEnvironment,
    logins: Option<&Path>,
    socket: &Path,
) -> Result<Server, ServerError> {
    let logins = Logins::read(logins)?;
    if let Some(address) = flag {
        return Ok(logged_in(parse("`--server`", address)?, &logins));
    }
    if let Some(address) = &environment.address {
        let server = logged_in(parse("`CORACLE_SERVER`", address)?, &logins);
        return Ok(match &environment.password {
            Some(password) => Server {
                credentials: Credentials::admin(password),
                ..server
            },
            None => server,
        });
    }
    match logins.last() {
        Some(address) => Ok(logged_in(parse("the last `coracle login`", address)?, &logins)),
        None => Ok(at_socket(socket.to_owned())),
    }
}

fn parse(said_by: &'static str, address: &str) -> Result<Endpoint, ServerError> {
    address
        .parse()
        .map_err(|source| ServerError::Address { said_by, source })
}

fn logged_in(endpoint: Endpoint, logins: &Logins) -> Server {
    let credentials = logins.credentials(&endpoint.to_string());
    Server {
        endpoint,
        credentials,
    }
}

fn at_socket(socket: PathBuf) -> Server {
    Server {
        endpoint: Endpoint::Unix(socket),
        credentials: Credentials::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(address: Option<&str>, password: Option<&str>) -> FromEnvironment {
        FromEnvironment {
            address: address.map(str::to_owned),
            password: password.map(str::to_owned),
        }
    }

    fn chosen(flag: Option<&str>, environment: &FromEnvironment, logins: &Path) -> (String, Credentials) {
        let server = choose(flag, environment, Some(logins), Path::new("/data/coracle.sock")).unwrap();
        (server.endpoint.to_string(), server.credentials)
    }

    #[test]
    fn the_server_is_the_flags_then_the_variables_then_the_last_logins_then_the_sockets() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("logins.json");
        let nothing = environment(None, None);
        let variable = environment(Some("http://variable:1"), Some("open"));
        assert_eq!(
            chosen(None, &nothing, &file),
            ("unix:/data/coracle.sock".to_owned(), Credentials::None)
        );
        Logins::read(Some(&file))
            .unwrap()
            .store("http://login:1", "ada", "sesame", &file)
            .unwrap();
        let ada = Credentials::Basic {
            user: "ada".to_owned(),
            password: "sesame".to_owned(),
        };
        assert_eq!(
            chosen(None, &nothing, &file),
            ("http://login:1".to_owned(), ada.clone())
        );
        assert_eq!(
            chosen(None, &variable, &file),
            ("http://variable:1".to_owned(), Credentials::admin("open"))
        );
        assert_eq!(
            chosen(Some("http://flag:1"), &variable, &file),
            ("http://flag:1".to_owned(), Credentials::None)
        );
        assert_eq!(
            chosen(Some("http://login:1/"), &variable, &file),
            ("http://login:1".to_owned(), ada)
        );
    }

    #[test]
    fn a_wrong_address_says_where_it_came_from() {
        let error = choose(None, &environment(Some("boat"), None), None, Path::new("/s")).unwrap_err();
        assert_eq!(error.to_string(), "`CORACLE_SERVER` names no server");
        assert_eq!(error.class(), Class::User);
    }
}
