//! What callers hold.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::TlsConfig;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Proxy};

use crate::checksum::Checksum;
use crate::config::{FetchConfig, Proxies, Timeouts};
use crate::error::{ConfigError, FetchError};
use crate::progress::{Progress, Silent};
use crate::reach::Reach;
use crate::resolver::CachingResolver;
use crate::transfer::Transfer;
use crate::{proxy, tls};

/// How many idle connections to one host are kept for the next request.
const IDLE_CONNECTIONS: usize = 8;

/// Downloads files; cloning shares connections and resolved names.
#[derive(Debug, Clone)]
pub struct Fetcher {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    direct: Agent,
    http: Option<Agent>,
    https: Option<Agent>,
    proxies: Proxies,
    attempts: u32,
    backoff: Duration,
}

/// One file to download.
#[derive(Debug, Clone)]
pub struct Download<'a> {
    /// Where it is.
    pub url: &'a str,
    /// What it must hash to.
    pub checksum: Checksum,
    /// The most bytes to accept.
    pub limit: u64,
}

impl Fetcher {
    /// Makes a fetcher with these settings; reads the certificate bundle once.
    pub fn new(config: FetchConfig) -> Result<Self, ConfigError> {
        let resolver = Arc::new(CachingResolver::default());
        let tls = tls::config(config.ca_bundle.as_deref())?;
        let agents = Agents {
            timeouts: config.timeouts,
            tls,
            resolver,
        };
        let parse = |address: &Option<String>| address.as_deref().map(proxy::parse).transpose();
        let (http, https) = (parse(&config.proxies.http)?, parse(&config.proxies.https)?);
        let inner = Inner {
            direct: agents.direct(config.reach),
            http: http.map(|proxy| agents.for_http(proxy)),
            https: https.map(|proxy| agents.through(proxy)),
            proxies: config.proxies,
            attempts: config.attempts.max(1),
            backoff: config.backoff,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Fetches at most `limit` bytes that the caller verifies otherwise (by a signature, by TLS).
    pub fn get(&self, url: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        self.get_as(url, None, limit)
    }

    /// Fetches like [`get`](Self::get), asking for the media type `accept`.
    pub fn get_as(&self, url: &str, accept: Option<&str>, limit: u64) -> Result<Vec<u8>, FetchError> {
        let mut bytes = Vec::new();
        Transfer::new(self, url, limit)
            .accepting(accept)
            .fresh()
            .run(&mut bytes, &Silent)?;
        Ok(bytes)
    }

    /// Streams a file to `to` and checks its checksum; answers its size.
    ///
    /// A connection that breaks is resumed where it broke, so that `to` gets each byte once. After an error, what
    /// `to` got must be thrown away.
    pub fn download(
        &self,
        download: &Download<'_>,
        to: &mut dyn Write,
        progress: &dyn Progress,
    ) -> Result<u64, FetchError> {
        Transfer::new(self, download.url, download.limit)
            .checking(&download.checksum)
            .run(to, progress)
    }

    /// Streams at most `limit` bytes to `to`, which verifies them, and answers how many there were; otherwise like
    /// [`download`](Self::download).
    pub fn stream(
        &self,
        url: &str,
        limit: u64,
        to: &mut dyn Write,
        progress: &dyn Progress,
    ) -> Result<u64, FetchError> {
        Transfer::new(self, url, limit).run(to, progress)
    }

    pub(crate) fn agent(&self, uri: &Uri) -> &Agent {
        let inner = &self.inner;
        let proxied = match uri.scheme_str() {
            _ if inner.proxies.exempts(uri) => None,
            Some("https") => inner.https.as_ref(),
            _ => inner.http.as_ref(),
        };
        proxied.unwrap_or(&inner.direct)
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.inner.attempts
    }

    pub(crate) fn backoff(&self) -> Duration {
        self.inner.backoff
    }
}

/// Makes agents that differ in their proxy only.
struct Agents {
    timeouts: Timeouts,
    tls: TlsConfig,
    resolver: Arc<CachingResolver>,
}

impl Agents {
    fn direct(&self, reach: Reach) -> Agent {
        self.agent(None, reach)
    }

    fn through(&self, proxy: Proxy) -> Agent {
        self.agent(Some(proxy), Reach::Everywhere)
    }

    fn agent(&self, proxy: Option<Proxy>, reach: Reach) -> Agent {
        let resolver = Shared {
            cache: Arc::clone(&self.resolver),
            reach,
        };
        Agent::with_parts(self.config(proxy), DefaultConnector::default(), resolver)
    }

    fn for_http(&self, proxy: Proxy) -> Agent {
        if proxy.uri().scheme_str() == Some("http") {
            proxy::forwarding_agent(&proxy, self.config(None), Arc::clone(&self.resolver))
        } else {
            self.through(proxy)
        }
    }

    /// Answers the settings of one agent; redirects are followed by [`Transfer`], since the next address may
    /// need another agent.
    fn config(&self, proxy: Option<Proxy>) -> Config {
        Config::builder()
            .tls_config(self.tls.clone())
            .proxy(proxy)
            .user_agent(concat!("coracle/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(4 * IDLE_CONNECTIONS)
            .max_idle_connections_per_host(IDLE_CONNECTIONS)
            .timeout_resolve(Some(self.timeouts.resolve))
            .timeout_connect(Some(self.timeouts.connect))
            .timeout_recv_response(Some(self.timeouts.response))
            .timeout_per_read(Some(self.timeouts.read))
            .timeout_per_write(Some(self.timeouts.read))
            .build()
    }
}

/// The resolver that all agents share, within one's reach.
#[derive(Debug)]
struct Shared {
    cache: Arc<CachingResolver>,
    reach: Reach,
}

impl Resolver for Shared {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let addresses = self.cache.resolve(uri, config, timeout)?;
        self.reach.check(&addresses)?;
        Ok(addresses)
    }
}
