//! How registries are reached: given by the caller, since libraries read no environment.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use coracle_fetch::Proxies;

use crate::credentials::{Anonymous, Credentials};
use crate::endpoint::Scheme;
use crate::mirrors::Mirrors;

/// The one server that a client talks to, whatever registry an image's name names: a server of ours, whose address
/// somebody gave, scheme and all.
///
/// When it is told a digest and nothing else, it takes the blob from wherever it has it (distribution-spec, "Mounting a
/// blob from another repository"), so nobody has to know where that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    /// By TLS at the name's host.
    Tls,
    /// In plain HTTP at the name's host.
    Plain,
    /// In plain HTTP over a socket of this machine.
    Socket(PathBuf),
}

/// The settings of a [`Client`](crate::Client).
#[derive(Clone)]
pub struct Settings {
    /// The server that all requests go to; none: to the registries that names name.
    pub server: Option<Server>,
    /// Who we are at which registry.
    pub credentials: Arc<dyn Credentials>,
    /// Registries that are spoken to in plain HTTP when HTTPS does not answer, as `HOST` or `HOST:PORT`. Those on this
    /// machine's loopback always are.
    pub insecure: BTreeSet<String>,
    /// Registries whose whole address somebody gave, as `HOST` or `HOST:PORT`: they are spoken to so and in no other way,
    /// and through no proxy.
    pub servers: BTreeMap<String, Scheme>,
    /// A PEM file of certificate authorities to trust (`SSL_CERT_FILE`). Without one, the distribution's bundle is
    /// used, and Mozilla's built-in roots where that is missing.
    pub ca_bundle: Option<PathBuf>,
    /// A PEM file of certificate authorities to trust beside those.
    pub more_authorities: Option<PathBuf>,
    /// Where images are looked for first.
    pub mirrors: Mirrors,
    /// The proxies to go through.
    pub proxies: Proxies,
    /// How many blobs of an image are moved at once; at least one.
    pub concurrency: usize,
    /// How much is put up with.
    pub patience: Patience,
    /// The most that the blobs of an image may take together, in bytes.
    pub largest_image: u64,
}

/// How long the other side may take, and how often it is asked again.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a connection, with the proxy's and TLS's handshakes.
    pub connect: Duration,
    /// For the beginning of an answer.
    pub answer: Duration,
    /// For the next bytes in either direction; a body as a whole may take longer.
    pub stall: Duration,
    /// For what a registry does with a blob that it has in full.
    pub commit: Duration,
    /// How often a request is made before it counts as failed; at least once.
    pub attempts: u32,
    /// The pause before the second attempt; it doubles from one attempt to the next.
    pub backoff: Duration,
    /// The longest pause, also when the registry asks for a longer one: then the request counts as failed.
    pub longest_pause: Duration,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("server", &self.server)
            .field("insecure", &self.insecure)
            .field("servers", &self.servers)
            .field("ca_bundle", &self.ca_bundle)
            .field("more_authorities", &self.more_authorities)
            .field("mirrors", &self.mirrors)
            .field("concurrency", &self.concurrency)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            server: None,
            credentials: Arc::new(Anonymous),
            insecure: BTreeSet::new(),
            servers: BTreeMap::new(),
            ca_bundle: None,
            more_authorities: None,
            mirrors: Mirrors::default(),
            proxies: Proxies::default(),
            concurrency: 4,
            patience: Patience::default(),
            largest_image: 64 << 30,
        }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            answer: Duration::from_mins(1),
            stall: Duration::from_mins(1),
            commit: Duration::from_mins(10),
            attempts: 5,
            backoff: Duration::from_millis(500),
            longest_pause: Duration::from_mins(1),
        }
    }
}
