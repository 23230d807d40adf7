//! What can be chosen about a server.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use coracle_content::Limits;
use coracle_platform::Builds;

use crate::function_builder::{BuilderSettings, Role};

/// Where functions and the API are served.
#[derive(Debug)]
pub enum Listen {
    /// At an address of the server's own choice.
    At(SocketAddr),
    /// On a socket that somebody else holds, such as a service manager: it must listen already, and not block.
    On(TcpListener),
}

/// A place where functions and the API are served by TLS, beside the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The address.
    pub listen: SocketAddr,
    /// The server's certificate and those above it, in PEM.
    pub certificate: PathBuf,
    /// The private key, in PEM.
    pub key: PathBuf,
}

/// What can be chosen about a server.
#[derive(Debug)]
pub struct ServeConfig {
    /// Where functions and the API are served.
    pub listen: Listen,
    /// Where they are served by TLS, if anywhere.
    pub tls: Option<Tls>,
    /// Where metrics are served, if at all.
    pub metrics: Option<SocketAddr>,
    /// The address that functions answer under, if it is not the one listened on: behind a proxy, say.
    pub public_url: Option<String>,
    /// The domain that functions are hosts of.
    pub domain: String,
    /// Variables of every instance, unless the image or the revision says otherwise: the way to a proxy, say.
    pub environment: BTreeMap<String, String>,
    /// How many sandboxes are kept created and not started, for functions that sleep.
    pub spares: usize,
    /// What may stay in the store although nothing uses it.
    pub cache: Limits,
    /// Builds sources that are sent; none: the server takes images only.
    pub builds: Option<Builds>,
    /// What the server does.
    pub role: Role,
    /// The Function Builder; none: its routes are not there.
    pub builder: Option<BuilderSettings>,
    /// How registries are reached that functions' images are pulled from, and who the server is there.
    pub registries: coracle_distribution::Settings,
    /// Whether images may be pulled from the registry without credentials.
    pub anonymous_pull: bool,
    /// The version of the program.
    pub version: String,
    /// How long requests in flight may take to finish when the server ends.
    pub shutdown_grace: Duration,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            listen: Listen::At(([127, 0, 0, 1], 8080).into()),
            tls: None,
            metrics: Some(([127, 0, 0, 1], 8081).into()),
            public_url: None,
            domain: "localhost".to_owned(),
            environment: BTreeMap::new(),
            spares: 16,
            cache: Limits {
                bytes: None,
                unused: None,
            },
            builds: None,
            role: Role::All,
            builder: None,
            registries: coracle_distribution::Settings::default(),
            anonymous_pull: false,
            version: String::new(),
            shutdown_grace: Duration::from_secs(30),
        }
    }
}
