//! How downloads are made: given by the caller, since libraries read no environment.

use std::path::PathBuf;
use std::time::Duration;

use crate::reach::Reach;

/// The settings of a [`Fetcher`](crate::Fetcher).
#[derive(Debug, Clone)]
pub struct FetchConfig {
    /// A PEM file of certificate authorities to trust (`SSL_CERT_FILE`). Without one, the distribution's bundle
    /// `/etc/ssl/certs/ca-certificates.crt` is used, and Mozilla's built-in roots where that is missing.
    pub ca_bundle: Option<PathBuf>,
    /// The proxies to go through.
    pub proxies: Proxies,
    /// Which hosts are reached without a proxy. What a proxy reaches is the proxy's to decide.
    pub reach: Reach,
    /// How long to wait for the other side.
    pub timeouts: Timeouts,
    /// How often a request is made before it counts as failed; at least once.
    pub attempts: u32,
    /// The pause before the second attempt; it doubles from one attempt to the next.
    pub backoff: Duration,
}

impl Default for FetchConfig {
    fn default() -> Self {
        Self {
            ca_bundle: None,
            proxies: Proxies::default(),
            reach: Reach::default(),
            timeouts: Timeouts::default(),
            attempts: 4,
            backoff: Duration::from_millis(200),
        }
    }
}

/// The proxies to go through: what `http_proxy`, `https_proxy` and `no_proxy` say.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    /// The proxy for `http://` addresses.
    pub http: Option<String>,
    /// The proxy for `https://` addresses.
    pub https: Option<String>,
    /// Hosts reached directly: `example.com` (with its subdomains), `.example.com`, an address, `host:port`, `*`.
    pub exempt: Vec<String>,
}

/// How long to wait for the other side.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For a name to resolve.
    pub resolve: Duration,
    /// For a connection, with the proxy's and TLS's handshakes.
    pub connect: Duration,
    /// For the first byte of the response.
    pub response: Duration,
    /// For the next bytes of a response's body; a body as a whole may take longer.
    pub read: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            resolve: Duration::from_secs(10),
            connect: Duration::from_secs(15),
            response: Duration::from_mins(1),
            read: Duration::from_secs(30),
        }
    }
}
