//! The HTTP client beneath: TLS, proxies, redirects.

use std::collections::BTreeMap;
use std::sync::Arc;

use coracle_fetch::SafeUrl;
use reqwest::redirect::{Action, Attempt, Policy};
use reqwest::{Client, ClientBuilder, Proxy, Url};
use tokio_rustls::rustls::ClientConfig;

use crate::endpoint::{Scheme, is_on_loopback};
use crate::error::SettingsError;
use crate::settings::{Server, Settings};
use crate::tls;

/// How many redirects are followed.
const REDIRECTS: usize = 5;

/// A redirect is not followed.
#[derive(Debug, thiserror::Error)]
#[error("a redirect to `{0}` is not followed")]
struct NotFollowed(SafeUrl);

/// Makes the client. Deadlines are its callers', since one for a whole exchange fits no upload.
pub(crate) fn make(settings: &Settings) -> Result<Client, SettingsError> {
    let builder = Client::builder()
        .tls_backend_preconfigured(tls(settings)?)
        .user_agent(concat!("coracle/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(settings.patience.connect)
        .redirect(Policy::custom(follow))
        .referer(false)
        .proxy(proxy(settings)?);
    over_socket(builder, settings.server.as_ref())
        .build()
        .map_err(SettingsError::Http)
}

fn tls(settings: &Settings) -> Result<ClientConfig, SettingsError> {
    match settings.server {
        // A bundle takes longer to read than a push to this machine.
        Some(Server::Plain | Server::Socket(_)) => tls::none(),
        Some(Server::Tls) | None => tls::config(settings),
    }
}

#[cfg(unix)]
fn over_socket(builder: ClientBuilder, server: Option<&Server>) -> ClientBuilder {
    match server {
        Some(Server::Socket(path)) => builder.unix_socket(path.as_path()),
        _ => builder,
    }
}

/// This system has no such sockets: the connection fails.
#[cfg(not(unix))]
fn over_socket(builder: ClientBuilder, _: Option<&Server>) -> ClientBuilder {
    builder
}

/// Follows a few redirects, and none from TLS to plain text. The client itself sends no credentials to another host.
fn follow(attempt: Attempt<'_>) -> Action {
    let downgraded = attempt.url().scheme() != "https"
        && attempt
            .previous()
            .last()
            .is_some_and(|from| from.scheme() == "https");
    if downgraded || attempt.previous().len() > REDIRECTS {
        let to = SafeUrl::of(attempt.url().as_str());
        attempt.error(NotFollowed(to))
    } else {
        attempt.follow()
    }
}

fn proxy(settings: &Settings) -> Result<Proxy, SettingsError> {
    let Settings { proxies, servers, .. } = settings;
    let parse = |address: &Option<String>| address.as_deref().map(proxy_url).transpose();
    let (http, https) = (parse(&proxies.http)?, parse(&proxies.https)?);
    let (proxies, servers) = (Arc::new(proxies.clone()), servers.clone());
    Ok(Proxy::custom(move |url| {
        let exempt = is_direct(url, &servers) || url.as_str().parse().is_ok_and(|uri| proxies.exempts(&uri));
        let chosen = if url.scheme() == "https" { &https } else { &http };
        chosen.clone().filter(|_| !exempt)
    }))
}

/// Answers whether no proxy reaches an address, this machine's loopback, or none is to hear what is for it, a server of
/// ours.
fn is_direct(url: &Url, servers: &BTreeMap<String, Scheme>) -> bool {
    let host = url.host_str().unwrap_or_default();
    let authority = url.port().map(|port| format!("{host}:{port}"));
    is_on_loopback(url) || servers.contains_key(authority.as_deref().unwrap_or(host))
}

/// Reads the address of a proxy; without a scheme it is an `http` one.
fn proxy_url(address: &str) -> Result<Url, SettingsError> {
    let complete = if address.contains("://") {
        address.to_owned()
    } else {
        format!("http://{address}")
    };
    Url::parse(&complete)
        .ok()
        .filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| SettingsError::Proxy(SafeUrl::of(address)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_addresses_with_or_without_a_scheme() {
        assert_eq!(
            proxy_url("127.0.0.1:3128").unwrap().as_str(),
            "http://127.0.0.1:3128/"
        );
        assert!(proxy_url("https://me:sesame@proxy.example").is_ok());
        for bad in ["", "socks5://me:sesame@proxy.example", "http://"] {
            let error = proxy_url(bad).unwrap_err().to_string();
            assert!(!error.contains("sesame"), "{error}");
        }
    }

    #[test]
    fn loopback_and_servers_of_ours_are_reached_without_a_proxy() {
        let names = ["boats.example", "boats.example:443", "10.0.0.1:8080"];
        let servers = names.map(|name| (name.to_owned(), Scheme::Https)).into();
        for (url, expected) in [
            ("http://127.0.0.1:5000/v2/", true),
            ("https://boats.example:443/v2/", true),
            ("http://10.0.0.1:8080/v2/", true),
            ("https://boats.example:8443/v2/", false),
            ("https://www.boats.example/v2/", false),
        ] {
            assert_eq!(is_direct(&Url::parse(url).unwrap(), &servers), expected, "{url}");
        }
    }
}
