//! Downloads from servers that behave and from servers that do not.

mod support;

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use coracle_fetch::{
    Checksum, Download, FetchConfig, FetchError, Fetcher, Progress, Proxies, Silent, Timeouts,
};
use coracle_spec::{Class, Digest, Failure};
use support::{Reply, Request, Server};

const LIMIT: u64 = 1 << 20;

fn config() -> FetchConfig {
    FetchConfig {
        backoff: Duration::from_millis(1),
        ..FetchConfig::default()
    }
}

fn fetcher() -> Fetcher {
    Fetcher::new(config()).expect("makes a fetcher")
}

fn download(fetcher: &Fetcher, url: &str, body: &[u8]) -> Result<Vec<u8>, FetchError> {
    let mut bytes = Vec::new();
    let download = Download {
        url,
        checksum: Digest::of(body).into(),
        limit: LIMIT,
    };
    let size = fetcher.download(&download, &mut bytes, &Silent)?;
    assert_eq!(size, bytes.len() as u64);
    Ok(bytes)
}

/// A body longer than any buffer on the way.
fn long() -> Vec<u8> {
    (0..700_000_u32).map(|number| (number % 251) as u8).collect()
}

/// Answers the part of `body` that a request asks for.
fn ranged(request: &Request, body: &[u8]) -> Reply {
    let from = request
        .header("Range")
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    match from {
        None => Reply::ok(body),
        Some(from) => {
            let range = format!("Content-Range: bytes {from}-{}/{}", body.len() - 1, body.len());
            Reply {
                status: 206,
                ..Reply::ok(&body[from..])
            }
            .with_header(range)
        }
    }
}

#[test]
fn a_file_with_the_right_checksum_is_downloaded() {
    let server = Server::new(|_| Reply::ok("hello"));
    assert_eq!(
        download(&fetcher(), &server.url("/x"), b"hello").expect("downloads"),
        b"hello"
    );
    let sri =
        "sha512-m3HSJL1i83hdltRq0+o9czGb+8KJDKra4t/3JRlnPKcjI8PZm6XBHXx6zG4UuMXaDEZjR1wuXDre9G9zvN7AQw==";
    let checksum = Checksum::from_integrity(sri).expect("an integrity text");
    let download = Download {
        url: &server.url("/x"),
        checksum,
        limit: LIMIT,
    };
    assert_eq!(
        fetcher()
            .download(&download, &mut Vec::new(), &Silent)
            .expect("downloads"),
        5
    );
}

#[test]
fn missing_wrong_and_unreachable_are_told_apart() {
    let server = Server::new(|request| match request.target.as_str() {
        "/missing" => Reply::status(404),
        "/forbidden" => Reply::status(403),
        _ => Reply::ok("something else"),
    });
    let error = |url: &str| download(&fetcher(), url, b"hello").expect_err("fails");
    let missing = error(&server.url("/missing"));
    assert!(
        missing.is_not_found() && missing.class() == Class::NotFound,
        "{missing}"
    );
    assert!(matches!(
        error(&server.url("/wrong")),
        FetchError::WrongContent { .. }
    ));
    assert_eq!(error(&server.url("/forbidden")).class(), Class::Denied);
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port();
    let unreachable = error(&format!("http://127.0.0.1:{port}/x"));
    assert!(
        matches!(unreachable, FetchError::Unreachable { .. }),
        "{unreachable}"
    );
    assert_eq!(unreachable.class(), Class::Unavailable);
    for url in ["", "file:///etc/passwd", "ftp://host/x", "no address"] {
        assert!(matches!(error(url), FetchError::InvalidUrl(_)), "{url}");
    }
}

#[test]
fn a_connection_that_breaks_is_resumed_where_it_broke() {
    let body = long();
    let whole = body.clone();
    let server = Server::new(move |request| {
        let reply = ranged(request, &whole);
        if reply.body.len() > 300_000 {
            reply.cut_after(250_000)
        } else {
            reply
        }
    });
    assert!(download(&fetcher(), &server.url("/x"), &body).expect("downloads") == body);
    let ranges: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.header("Range").map(str::to_owned))
        .collect();
    assert_eq!(ranges[0], None);
    assert!(
        ranges.len() > 1 && ranges[1..].iter().all(Option::is_some),
        "{ranges:?}"
    );
}

#[test]
fn a_server_that_cannot_resume_sends_all_again_and_each_byte_arrives_once() {
    let body = long();
    let (whole, asked) = (body.clone(), AtomicUsize::new(0));
    let server = Server::new(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::ok(whole.clone()).cut_after(400_000),
        1 => Reply::ok(whole.clone()).cut_after(100_000),
        _ => Reply::ok(whole.clone()),
    });
    assert!(download(&fetcher(), &server.url("/x"), &body).expect("downloads") == body);
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_busy_server_is_asked_again_and_then_given_up() {
    let asked = AtomicUsize::new(0);
    let busy = [503, 429, 500];
    let server = Server::new(
        move |request| match busy.get(asked.fetch_add(1, Ordering::SeqCst)) {
            Some(status) => Reply::status(*status).with_header("Retry-After: 0"),
            None if request.target == "/ever" => Reply::status(503),
            None => Reply::ok("hello"),
        },
    );
    assert_eq!(
        fetcher().get(&server.url("/x"), LIMIT).expect("fetches"),
        b"hello"
    );
    let error = fetcher().get(&server.url("/ever"), LIMIT).expect_err("gives up");
    assert!(matches!(error, FetchError::Status { status: 503, .. }), "{error}");
    assert_eq!(server.requests().len(), 8, "four attempts each");
}

#[test]
fn a_server_that_falls_silent_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let url = format!("http://{}/x", listener.local_addr().expect("has an address"));
    let timeouts = Timeouts {
        response: Duration::from_millis(50),
        ..Timeouts::default()
    };
    let fetcher = Fetcher::new(FetchConfig {
        timeouts,
        attempts: 2,
        ..config()
    })
    .expect("makes a fetcher");
    let error = fetcher.get(&url, LIMIT).expect_err("gives up");
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
}

#[test]
fn more_bytes_than_allowed_are_refused() {
    let server = Server::new(|_| Reply::ok("12345"));
    assert_eq!(fetcher().get(&server.url("/x"), 5).expect("fits"), b"12345");
    assert!(matches!(
        fetcher().get(&server.url("/x"), 4),
        Err(FetchError::TooLarge { limit: 4, .. })
    ));
}

#[test]
fn caches_on_the_way_are_told_what_may_have_changed() {
    let server = Server::new(|_| Reply::ok("hello"));
    fetcher().get(&server.url("/list"), LIMIT).expect("fetches");
    download(&fetcher(), &server.url("/file"), b"hello").expect("downloads");
    let asked = server.requests();
    assert_eq!(asked[0].header("Cache-Control"), Some("max-age=0"));
    assert_eq!(asked[1].header("Cache-Control"), None);
}

#[test]
fn redirects_are_followed_to_their_end_and_not_for_ever() {
    let server = Server::new(|request| match request.target.as_str() {
        "/a/start" => Reply::status(302).with_header("Location: next?x=1"),
        "/a/next?x=1" => Reply::status(301).with_header("Location: /end"),
        "/end" => Reply::ok("hello"),
        "/file" => Reply::status(302).with_header("Location: file:///etc/passwd"),
        _ => Reply::status(307).with_header("Location: /loop"),
    });
    assert_eq!(
        fetcher().get(&server.url("/a/start"), LIMIT).expect("fetches"),
        b"hello"
    );
    for path in ["/loop", "/file"] {
        let error = fetcher()
            .get(&server.url(path), LIMIT)
            .expect_err("is not followed");
        assert!(matches!(error, FetchError::Redirect { .. }), "{error}");
    }
}

#[test]
fn a_proxy_is_asked_for_the_whole_address_with_its_credentials() {
    let proxy = Server::new(|_| Reply::ok("from the proxy"));
    let direct = Server::new(|_| Reply::ok("direct"));
    let through = |exempt: &[&str]| {
        let http = Some(proxy.url("").replace("http://", "http://ada:s3cret@"));
        let exempt = exempt.iter().map(ToString::to_string).collect();
        let proxies = Proxies {
            http,
            https: None,
            exempt,
        };
        Fetcher::new(FetchConfig { proxies, ..config() }).expect("makes a fetcher")
    };
    let bytes = through(&[])
        .get("http://mirror.invalid/debian/x?y=1", LIMIT)
        .expect("fetches");
    assert_eq!(bytes, b"from the proxy");
    let asked = &proxy.requests()[0];
    assert_eq!(asked.target, "http://mirror.invalid/debian/x?y=1");
    assert_eq!(asked.header("Host"), Some("mirror.invalid"));
    assert_eq!(
        asked.header("Proxy-Authorization"),
        Some("Basic YWRhOnMzY3JldA==")
    );
    assert_eq!(
        through(&["127.0.0.1"])
            .get(&direct.url("/x"), LIMIT)
            .expect("fetches"),
        b"direct"
    );
    let error = Fetcher::new(FetchConfig {
        proxies: Proxies {
            http: Some("not an address".to_owned()),
            ..Proxies::default()
        },
        ..config()
    });
    assert_eq!(error.expect_err("is refused").class(), Class::User);
}

#[test]
fn a_caller_that_loses_interest_ends_the_download() {
    struct Impatient(AtomicUsize);
    impl Progress for Impatient {
        fn advanced(&self, bytes: u64) {
            self.0
                .fetch_add(usize::try_from(bytes).expect("fits"), Ordering::SeqCst);
        }

        fn cancelled(&self) -> bool {
            self.0.load(Ordering::SeqCst) > 0
        }
    }
    let body = long();
    let whole = body.clone();
    let server = Server::new(move |_| Reply::ok(whole.clone()));
    let progress = Impatient(AtomicUsize::new(0));
    let download = Download {
        url: &server.url("/x"),
        checksum: Digest::of(&body).into(),
        limit: LIMIT,
    };
    let error = fetcher()
        .download(&download, &mut Vec::new(), &progress)
        .expect_err("ends");
    assert!(matches!(error, FetchError::Cancelled(_)), "{error}");
    assert!(progress.0.load(Ordering::SeqCst) < body.len());
}

#[test]
fn secrets_in_an_address_do_not_reach_the_error() {
    let server = Server::new(|_| Reply::status(404));
    let url = server
        .url("/x?token=s3cret")
        .replace("http://", "http://ada:s3cret@");
    let error = fetcher().get(&url, LIMIT).expect_err("fails");
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
}

#[test]
fn tls_trusts_the_bundle_that_is_named_and_no_other() {
    let url = "https://pypi.org/simple/pip/";
    assert!(
        fetcher().get(url, 64 << 20).is_ok(),
        "this test needs the network"
    );
    let system = std::path::Path::new("/etc/ssl/certs/ca-certificates.crt");
    let bundle = fs_err::read_to_string(system).expect("the host's certificates (Debian: ca-certificates)");
    let end = "-----END CERTIFICATE-----\n";
    let unrelated = tempfile::NamedTempFile::new().expect("a temporary file");
    let first = bundle.split_inclusive(end).next().expect("a certificate");
    fs_err::write(unrelated.path(), first).expect("writes");
    let ca_bundle = Some(unrelated.path().to_owned());
    let fetcher = Fetcher::new(FetchConfig {
        ca_bundle,
        ..config()
    })
    .expect("makes a fetcher");
    let error = fetcher.get(url, LIMIT).expect_err("is refused");
    assert!(
        error.hint().is_some_and(|hint| hint.contains("SSL_CERT_FILE")),
        "{error:?}"
    );
}
