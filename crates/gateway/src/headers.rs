//! Which headers stay on this side, and which are said anew (RFC 9110 §7.6.1; `X-Forwarded-*` as proxies use it).

use http::header::{
    CONNECTION, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::uri::Authority;

use crate::answer::{ERROR, ORIGIN};
use crate::peer::Peer;

static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
static PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
static FORWARDED: HeaderName = HeaderName::from_static("forwarded");
static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Takes out what concerns one connection only, and the headers that `Connection` names.
///
/// `Trailer` stays: it describes the message. `TE: trailers` is put back, the one value that passes a proxy.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let trailers = accepts_trailers(headers);
    strip_named_by_connection(headers);
    for name in [&KEEP_ALIVE, &PROXY_CONNECTION, &TE, &TRANSFER_ENCODING, &UPGRADE] {
        headers.remove(name);
    }
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
}

/// Takes out of a function's response what concerns one connection only, and what only the platform may say.
pub(crate) fn strip_answer(headers: &mut HeaderMap) {
    strip_hop_by_hop(headers);
    headers.remove(&ERROR);
    headers.remove(&ORIGIN);
}

fn strip_named_by_connection(headers: &mut HeaderMap) {
    let values = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let names = values
        .flat_map(|value| value.split(',').map(str::trim))
        .filter(|name| !is_needed(name));
    let listed: Vec<HeaderName> = names.filter_map(|name| name.parse().ok()).collect();
    headers.remove(CONNECTION);
    for name in listed {
        headers.remove(name);
    }
}

/// What a request cannot do without, whatever its `Connection` says.
fn is_needed(name: &str) -> bool {
    ["", "close", "keep-alive", "host", "content-length"]
        .iter()
        .any(|needed| name.eq_ignore_ascii_case(needed))
}

fn accepts_trailers(headers: &HeaderMap) -> bool {
    let has = |value: &HeaderValue| {
        value.to_str().is_ok_and(|value| {
            value
                .split(',')
                .any(|part| part.trim().eq_ignore_ascii_case("trailers"))
        })
    };
    headers.get_all(TE).iter().any(has)
}

/// Answers the protocol that both sides ask to change to.
pub(crate) fn upgrade_of(headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get(UPGRADE).cloned()
}

/// Says that the connection changes to `protocol`.
pub(crate) fn set_upgrade(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, protocol);
}

/// Says to the function who asked, and for what.
///
/// What a caller says about itself is kept only when it is on this machine, as a reverse proxy in front is;
/// else anybody could claim any address.
pub(crate) fn forward(headers: &mut HeaderMap, target: Option<&Authority>, peer: &Peer) {
    if let Some(host) = target.and_then(|authority| HeaderValue::from_str(authority.as_str()).ok()) {
        headers.insert(HOST, host);
    }
    headers
        .entry(HOST)
        .or_insert(HeaderValue::from_static("localhost"));
    headers.remove(EXPECT);
    if !peer.is_local() {
        for name in [&FORWARDED, &FORWARDED_FOR, &FORWARDED_HOST, &FORWARDED_PROTO] {
            headers.remove(name);
        }
    }
    append_address(headers, peer);
    if let Some(host) = headers.get(HOST).cloned() {
        headers.entry(&FORWARDED_HOST).or_insert(host);
    }
    headers
        .entry(&FORWARDED_PROTO)
        .or_insert(HeaderValue::from_static(peer.scheme()));
}

fn append_address(headers: &mut HeaderMap, peer: &Peer) {
    let Some(address) = peer.address() else { return };
    let chain = match headers.get(&FORWARDED_FOR).and_then(|chain| chain.to_str().ok()) {
        Some(chain) => format!("{chain}, {address}"),
        None => address.to_string(),
    };
    if let Ok(value) = HeaderValue::try_from(chain) {
        headers.insert(&FORWARDED_FOR, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_str(value).unwrap(),
                )
            })
            .collect()
    }

    fn lines(headers: &HeaderMap) -> Vec<String> {
        let mut lines: Vec<_> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        lines
    }

    #[test]
    fn what_concerns_one_connection_stays_there() {
        let mut all = headers(&[
            ("connection", "close, X-Mine, Content-Length"),
            ("x-mine", "1"),
            ("content-length", "3"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("te", "gzip, trailers"),
            ("trailer", "x-checksum"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("accept", "*/*"),
        ]);
        strip_hop_by_hop(&mut all);
        assert_eq!(
            lines(&all),
            [
                "accept: */*",
                "content-length: 3",
                "te: trailers",
                "trailer: x-checksum"
            ]
        );
    }

    #[test]
    fn a_stranger_cannot_claim_an_address_and_a_local_proxy_can() {
        let claimed = [
            ("host", "a.example"),
            ("x-forwarded-for", "9.9.9.9"),
            ("x-forwarded-proto", "https"),
        ];
        for (peer, forwarded_for, proto) in [
            ("203.0.113.7:1", "203.0.113.7", "http"),
            ("127.0.0.1:1", "9.9.9.9, 127.0.0.1", "https"),
        ] {
            let mut all = headers(&claimed);
            forward(&mut all, None, &Peer::Tcp(peer.parse().unwrap()));
            assert_eq!(all["x-forwarded-for"], forwarded_for);
            assert_eq!(all["x-forwarded-proto"], proto);
            assert_eq!(all["x-forwarded-host"], "a.example");
        }
    }

    #[test]
    fn a_function_is_told_that_its_caller_came_by_tls() {
        let mut all = headers(&[("host", "a.example"), ("x-forwarded-proto", "http")]);
        forward(&mut all, None, &Peer::Tls("203.0.113.7:1".parse().unwrap()));
        assert_eq!(all["x-forwarded-proto"], "https");
    }

    #[test]
    fn the_host_of_an_absolute_target_wins() {
        let mut all = headers(&[("host", "a.example"), ("expect", "100-continue")]);
        forward(
            &mut all,
            Some(&Authority::from_static("b.example:80")),
            &Peer::Inside,
        );
        assert_eq!(
            lines(&all),
            [
                "host: b.example:80",
                "x-forwarded-host: b.example:80",
                "x-forwarded-proto: http"
            ]
        );
    }
}
