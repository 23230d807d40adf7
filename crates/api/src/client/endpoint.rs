//! Where a server listens, as people write it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use coracle_spec::{Class, Failure};
use http::Uri;

/// Where a server listens: `https://HOST[:PORT]`, `http://HOST[:PORT]`, or `unix:PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A socket of this machine; the server trusts the user that opens it.
    Unix(PathBuf),
    /// Plain HTTP.
    Http {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// HTTP over TLS.
    Https {
        /// Name or address, which the server's certificate is for.
        host: String,
        /// Port.
        port: u16,
    },
}

impl Endpoint {
    /// Adds what the server needs to know which host was meant.
    pub(super) fn address(&self, request: http::request::Builder) -> http::request::Builder {
        let named = request
            .headers_ref()
            .is_some_and(|headers| headers.contains_key(http::header::HOST));
        if named {
            request
        } else {
            request.header(http::header::HOST, self.authority())
        }
    }

    fn authority(&self) -> String {
        match self {
            Self::Unix(_) => "localhost".to_owned(),
            Self::Http { host, port: 80 } | Self::Https { host, port: 443 } => host.clone(),
            Self::Http { host, port } | Self::Https { host, port } => format!("{host}:{port}"),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Http { .. } => write!(f, "http://{}", self.authority()),
            Self::Https { .. } => write!(f, "https://{}", self.authority()),
        }
    }
}

/// Why a text is no address of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the address of a server: expected `https://HOST:PORT`, `http://HOST:PORT` or `unix:PATH`"
)]
pub struct InvalidEndpoint(String);

impl Failure for InvalidEndpoint {
    fn class(&self) -> Class {
        Class::User
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        match text.strip_prefix("unix:") {
            Some(path) if !path.is_empty() => Ok(Self::Unix(PathBuf::from(path.trim_start_matches("//")))),
            Some(_) => Err(InvalidEndpoint(text.to_owned())),
            None => http(text),
        }
    }
}

fn http(text: &str) -> Result<Endpoint, InvalidEndpoint> {
    let malformed = || InvalidEndpoint(text.to_owned());
    let uri: Uri = text.parse().map_err(|_| malformed())?;
    let (Some(scheme), Some(host), "" | "/", None) = (uri.scheme_str(), uri.host(), uri.path(), uri.query())
    else {
        return Err(malformed());
    };
    if text.contains('@') {
        return Err(malformed());
    }
    let of = |usual| port(&uri, host, usual).ok_or_else(malformed);
    let host = host.to_owned();
    match scheme {
        "http" => Ok(Endpoint::Http { port: of(80)?, host }),
        "https" => Ok(Endpoint::Https { port: of(443)?, host }),
        _ => Err(malformed()),
    }
}

/// Answers the port, `None` when there is one that is no port: [`Uri::port`] would ignore that.
fn port(uri: &Uri, host: &str, usual: u16) -> Option<u16> {
    match uri.authority()?.as_str().get(host.len()..)? {
        "" => Some(usual),
        port => port.strip_prefix(':')?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_and_print() {
        for (text, printed) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://example.com/", "http://example.com"),
            ("http://[::1]:80", "http://[::1]"),
            ("https://example.com/", "https://example.com"),
            ("https://example.com:8443", "https://example.com:8443"),
            ("unix:/run/c.sock", "unix:/run/c.sock"),
            ("unix:///run/c.sock", "unix:/run/c.sock"),
        ] {
            assert_eq!(
                text.parse::<Endpoint>().map(|e| e.to_string()),
                Ok(printed.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn other_addresses_are_refused() {
        for bad in [
            "",
            "localhost:8080",
            "ftp://a",
            "http://a/b",
            "http://u:p@a",
            "unix:",
            "http://a:99999",
        ] {
            assert_eq!(
                bad.parse::<Endpoint>(),
                Err(InvalidEndpoint(bad.to_owned())),
                "{bad}"
            );
        }
    }
}
