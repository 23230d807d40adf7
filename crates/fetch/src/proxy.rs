//! Goes through a proxy.
//!
//! `https` is tunnelled with `CONNECT`, which `ureq` does. For plain `http` it would do the same, and most
//! proxies refuse to tunnel to port 80: they expect the whole address in the request line (RFC 9112 §3.2.2,
//! absolute form), which also lets them cache. So for `http` the connection is made to the proxy, and the
//! request line is completed on its way out.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, NextTimeout, TcpConnector, Transport,
};
use ureq::{Agent, Error, Proxy};

use crate::config::Proxies;
use crate::error::ConfigError;
use crate::resolver::CachingResolver;
use crate::url::SafeUrl;

/// Answers the proxy that `address` names; without a scheme it is an `http` one.
pub(crate) fn parse(address: &str) -> Result<Proxy, ConfigError> {
    Proxy::new(address)
        .ok()
        .filter(|_| !address.trim().is_empty())
        .ok_or_else(|| ConfigError::Proxy(SafeUrl::of(address)))
}

impl Proxies {
    /// Answers whether `uri` is reached directly.
    pub fn exempts(&self, uri: &Uri) -> bool {
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let with_port = format!("{host}:{}", uri.port_u16().unwrap_or_default());
        self.exempt
            .iter()
            .map(|entry| entry.trim().to_ascii_lowercase())
            .any(|entry| {
                let domain = entry.trim_start_matches('*').trim_start_matches('.');
                entry == "*"
                    || (!domain.is_empty() && (host == domain || with_port == domain))
                    || (!domain.is_empty() && host.ends_with(&format!(".{domain}")))
            })
    }
}

/// Answers an agent that sends plain `http` requests to `proxy` in absolute form.
pub(crate) fn forwarding_agent(proxy: &Proxy, config: Config, resolver: Arc<CachingResolver>) -> Agent {
    let authorization = proxy.username().map(|user| {
        let credentials = format!("{user}:{}", proxy.password().unwrap_or_default());
        format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(credentials))
    });
    let connector = ().chain(TcpConnector::default()).chain(Forwarding { authorization });
    Agent::with_parts(
        config,
        connector,
        ToProxy {
            proxy: proxy.uri().clone(),
            resolver,
        },
    )
}

/// Resolves every name to the proxy's addresses.
#[derive(Debug)]
struct ToProxy {
    proxy: Uri,
    resolver: Arc<CachingResolver>,
}

impl Resolver for ToProxy {
    fn resolve(&self, _: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        self.resolver.resolve(&self.proxy, config, timeout)
    }
}

/// Wraps connections to the proxy.
#[derive(Debug)]
struct Forwarding {
    authorization: Option<String>,
}

impl<In: Transport> Connector<In> for Forwarding {
    type Out = AbsoluteForm<In>;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        let authority = details
            .uri
            .authority()
            .map(ToString::to_string)
            .unwrap_or_default();
        let headers = self.authorization.clone().unwrap_or_default();
        Ok(chained.map(|inner| AbsoluteForm {
            inner,
            authority,
            headers,
        }))
    }
}

/// A connection whose requests name the whole address.
#[derive(Debug)]
struct AbsoluteForm<T> {
    inner: T,
    authority: String,
    headers: String,
}

impl<T: Transport> Transport for AbsoluteForm<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let request = absolute(
            &self.inner.buffers().output()[..amount],
            &self.authority,
            &self.headers,
        );
        let output = self.inner.buffers().output();
        let room = output.len();
        let target = output
            .get_mut(..request.len())
            .ok_or(Error::LargeResponseHeader(request.len(), room))?;
        target.copy_from_slice(&request);
        self.inner.transmit_output(request.len(), timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }
}

/// Answers `request` with the authority in its request line and with `headers` after that line.
fn absolute(request: &[u8], authority: &str, headers: &str) -> Vec<u8> {
    let (Some(line), true) = (
        request.iter().position(|byte| *byte == b'\n'),
        request.starts_with(b"GET /"),
    ) else {
        return request.to_vec();
    };
    let (line, rest) = request.split_at(line + 1);
    [
        b"GET http://",
        authority.as_bytes(),
        &line[4..],
        headers.as_bytes(),
        rest,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exempt_hosts_are_reached_directly() {
        let exempt = [
            "example.com",
            ".internal",
            "10.0.0.1",
            "localhost:8080",
            " Spaced.Example ",
        ];
        let proxies = Proxies {
            exempt: exempt.map(str::to_owned).to_vec(),
            ..Proxies::default()
        };
        for (uri, direct) in [
            ("http://example.com/x", true),
            ("http://www.Example.com/x", true),
            ("http://notexample.com/x", false),
            ("http://a.internal/", true),
            ("http://10.0.0.1:99/", true),
            ("http://localhost:8080/", true),
            ("http://localhost/", false),
            ("http://spaced.example/", true),
            ("http://deb.debian.org/", false),
        ] {
            assert_eq!(proxies.exempts(&Uri::from_static(uri)), direct, "{uri}");
        }
        let everything = Proxies {
            exempt: vec!["*".to_owned()],
            ..Proxies::default()
        };
        assert!(everything.exempts(&Uri::from_static("http://deb.debian.org/")));
    }

    #[test]
    fn a_request_line_gets_its_authority() {
        assert_eq!(
            absolute(b"GET /a/b HTTP/1.1\r\nHost: h\r\n\r\n", "h:81", "X: y\r\n"),
            b"GET http://h:81/a/b HTTP/1.1\r\nX: y\r\nHost: h\r\n\r\n"
        );
    }
}
