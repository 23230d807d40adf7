//! Registries that break off, are busy, or answer with something else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use coracle_content::Store;
use coracle_distribution::{DistributionError, Outcome, Settings, Silent};
use coracle_oci::Image;
use coracle_spec::{Class, Digest, Failure};

use crate::hostile::{Hostile, Reply, Request};
use crate::images::{Heard, OWN, World, image, image_for, never, noise, quick, reference};

/// What a registry has: blobs and manifests by the ends of their paths.
pub(crate) type Shelf = BTreeMap<String, Vec<u8>>;

/// Puts an image on a shelf, under the tag `1` too.
pub(crate) fn shelf(store: &Store, image: &Image) -> Shelf {
    let read = |digest: &Digest| store.existing_blob(digest).unwrap().read(u64::MAX).unwrap();
    let layers = image.layers.iter().map(|layer| layer.digest);
    let mut shelf: Shelf = layers
        .chain([image.config, image.manifest])
        .map(|digest| (digest.to_string(), read(&digest)))
        .collect();
    shelf.insert("1".to_owned(), read(&image.manifest));
    shelf
}

/// Answers as a registry should.
pub(crate) fn honest(shelf: &Shelf, request: &Request) -> Reply {
    let name = request
        .path
        .split('?')
        .next()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap();
    match shelf.get(name) {
        Some(bytes) => {
            let from = request.from();
            let reply = Reply::status(if from > 0 { 206 } else { 200 });
            let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
            reply
                .header("content-range", range)
                .header("docker-content-digest", Digest::of(bytes))
                .body(&bytes[from..])
        }
        None if name.is_empty() => Reply::status(200),
        None => Reply::status(404),
    }
}

pub(crate) fn is_blob(request: &Request, digest: &Digest) -> bool {
    request.path.contains(&format!("/blobs/{digest}"))
}

async fn pull(host: &str, settings: Settings) -> Result<(World, Image, Heard), DistributionError> {
    let (here, heard) = (World::new(), Heard::default());
    let name = reference(&format!("{host}/boat:1"));
    let image = here.client(settings).pull(&name, OWN, &heard, &never()).await?;
    Ok((here, image, heard))
}

#[tokio::test]
async fn a_download_goes_on_where_it_broke_and_each_byte_is_moved_once() {
    let there = World::new();
    let made = image(&there.store, &[noise(300_000, 1)]);
    let (shelf, layer) = (shelf(&there.store, &made), made.layers[0].clone());
    let digest = layer.digest;
    let registry = Hostile::start(move |request| {
        let reply = honest(&shelf, request);
        // 100,000 bytes at a time.
        if is_blob(request, &digest) && reply.size() > 100_000 {
            reply.cut(100_000)
        } else {
            reply
        }
    })
    .await;
    let (here, image, heard) = pull(&registry.host(), quick()).await.unwrap();
    assert_eq!(image.manifest, made.manifest);
    assert!(here.store.blob(&digest).unwrap().is_some());
    let config = there.store.existing_blob(&made.config).unwrap().size;
    assert_eq!(heard.bytes(), layer.size + config);
    assert!(registry.count("GET", &digest.to_string()) >= 3);
}

#[tokio::test]
async fn a_registry_that_knows_no_ranges_is_read_from_the_beginning_again() {
    let there = World::new();
    let made = image(&there.store, &[noise(50_000, 2)]);
    let (shelf, digest) = (shelf(&there.store, &made), made.layers[0].digest);
    let broken = AtomicUsize::new(0);
    let registry = Hostile::start(move |request| {
        let mut plain = request.clone();
        plain.headers.remove("range");
        let reply = honest(&shelf, &plain);
        let first = is_blob(request, &digest) && broken.fetch_add(1, Ordering::SeqCst) == 0;
        if first { reply.cut(20_000) } else { reply }
    })
    .await;
    let (_, image, _) = pull(&registry.host(), quick()).await.unwrap();
    assert_eq!(image.manifest, made.manifest);
}

#[tokio::test]
async fn bytes_that_are_not_what_was_meant_do_not_get_into_the_store() {
    let there = World::new();
    let made = image(&there.store, &[noise(5_000, 3)]);
    for part in ["layer", "config", "manifest", "longer"] {
        let mut shelf = shelf(&there.store, &made);
        let digest = match part {
            "config" => made.config,
            "manifest" => made.manifest,
            _ => made.layers[0].digest,
        };
        let bytes = shelf.get_mut(&digest.to_string()).unwrap();
        if part == "longer" {
            bytes.push(0);
        } else {
            bytes[7] ^= 1;
        }
        let lie = bytes.clone();
        let registry = Hostile::start(move |request| {
            let honest = honest(&shelf, request);
            // A tag's digest is right, what it stands for is not.
            if request.method == "HEAD" && part == "manifest" {
                return Reply::status(200).header("docker-content-digest", made.manifest);
            }
            honest
        })
        .await;
        let here = World::new();
        let name = reference(&format!("{}/boat:1", registry.host()));
        let error = here
            .client(quick())
            .pull(&name, OWN, &Silent, &never())
            .await
            .unwrap_err();
        assert_eq!(error.class(), Class::Unavailable, "{part}: {error}");
        assert!(here.store.blob(&digest).unwrap().is_none(), "{part}");
        assert!(here.store.blob(&Digest::of(&lie)).unwrap().is_none(), "{part}");
        assert!(
            registry.count("GET", &digest.to_string()) == 1,
            "{part} was asked for again"
        );
    }
}

#[tokio::test]
async fn a_busy_registry_is_asked_again_and_one_that_asks_for_too_long_is_not() {
    let there = World::new();
    let made = image(&there.store, &[noise(10, 4)]);
    let (shelf, times) = (shelf(&there.store, &made), AtomicUsize::new(0));
    let registry = Hostile::start(move |request| match times.fetch_add(1, Ordering::SeqCst) {
        1 | 4 => Reply::status(429).header("retry-after", 0),
        2 => Reply::status(503),
        5 => Reply::status(500),
        _ => honest(&shelf, request),
    })
    .await;
    pull(&registry.host(), quick()).await.unwrap();

    let patient = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"pull less\u001b[2J"}]}"#;
    let registry = Hostile::start(move |request| match request.path.as_str() {
        "/v2/" => Reply::status(200),
        _ => Reply::status(429).header("retry-after", 3600).body(patient),
    })
    .await;
    let error = pull(&registry.host(), quick()).await.map(|_| ()).unwrap_err();
    assert_eq!(
        (error.class(), error.hint()),
        (Class::Busy, Some("try again in 3600 seconds".to_owned()))
    );
    assert_eq!(registry.count("HEAD", "manifests"), 1);
}

#[tokio::test]
async fn a_registry_that_is_down_for_good_is_given_up() {
    let registry = Hostile::start(|request| match request.path.as_str() {
        "/v2/" => Reply::status(200),
        _ => Reply::status(502).body("<html>bad gateway</html>"),
    })
    .await;
    let error = pull(&registry.host(), quick()).await.map(|_| ()).unwrap_err();
    assert!(
        matches!(
            error,
            DistributionError::Status {
                status: 502,
                source: None,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(registry.count("HEAD", "manifests"), 5);
    let host = registry.host();
    drop(registry);
    let error = pull("127.0.0.1:1", quick()).await.map(|_| ()).unwrap_err();
    assert_eq!(error.class(), Class::Unavailable, "{host}");
}

#[tokio::test]
async fn a_silent_registry_is_given_up_after_a_while() {
    let quick = Settings {
        patience: coracle_distribution::Patience {
            attempts: 2,
            stall: Duration::from_millis(50),
            ..quick().patience
        },
        ..quick()
    };
    let there = World::new();
    let made = image(&there.store, &[noise(5_000, 5)]);
    let (shelf, digest) = (shelf(&there.store, &made), made.layers[0].digest);
    let registry = Hostile::start(move |request| {
        if is_blob(request, &digest) {
            return Reply::bytes("a").falls_silent();
        }
        honest(&shelf, request)
    })
    .await;
    let error = pull(&registry.host(), quick).await.map(|_| ()).unwrap_err();
    assert_eq!(error.class(), Class::Unavailable, "{error}");
    let why = std::error::Error::source(&error).unwrap().to_string();
    assert!(why.starts_with("nothing came within"), "{why}");
}

#[tokio::test]
async fn what_is_missing_is_told_from_what_is_made_for_something_else() {
    let there = World::new();
    let other = image_for(&there.store, &[noise(10, 6)], "s390x");
    let shelf = shelf(&there.store, &other);
    let registry = Hostile::start(move |request| honest(&shelf, request)).await;
    let error = pull(&registry.host(), quick()).await.map(|_| ()).unwrap_err();
    assert!(error.to_string().ends_with("but for linux/s390x"), "{error}");
    let here = World::new();
    let name = reference(&format!("{}/boat:2", registry.host()));
    let error = here.client(quick()).resolve(&name, OWN).await.unwrap_err();
    assert!(
        error.is_not_found() && error.to_string().contains("boat:2"),
        "{error}"
    );
}

#[tokio::test]
async fn mirrors_are_asked_in_order_and_what_one_does_wrong_another_makes_good() {
    let there = World::new();
    let made = image(&there.store, &[noise(5_000, 7)]);
    let good = shelf(&there.store, &made);
    let mut bad = good.clone();
    bad.get_mut(&made.layers[0].digest.to_string()).unwrap()[9] ^= 1;
    let empty = Hostile::start(|_| Reply::status(404)).await;
    let liar = Hostile::start(move |request| honest(&bad, request)).await;
    let origin = Hostile::start(move |request| honest(&good, request)).await;
    let mirrors = format!(
        "{0}=http://{1},{0}=http://{2}/sub",
        origin.host(),
        empty.host(),
        liar.host()
    );
    let settings = Settings {
        mirrors: mirrors.parse().unwrap(),
        ..quick()
    };
    let (_, image, _) = pull(&origin.host(), settings).await.unwrap();
    assert_eq!(image.manifest, made.manifest);
    assert_eq!(empty.count("HEAD", "/v2/boat/manifests/1?ns="), 1);
    assert_eq!(liar.count("HEAD", "/v2/sub/boat/manifests/1?ns="), 1);
    assert_eq!(origin.count("HEAD", "manifests"), 0);
    assert_eq!(origin.count("GET", "blobs"), 1, "only what the mirror had wrong");
}

#[tokio::test]
async fn two_who_pull_the_same_fetch_it_once() {
    let there = World::new();
    let made = image(&there.store, &[noise(500_000, 8)]);
    let (shelf, digest) = (shelf(&there.store, &made), made.layers[0].digest);
    let registry = Arc::new(Hostile::start(move |request| honest(&shelf, request)).await);
    let here = World::new();
    let client = here.client(quick());
    let name = reference(&format!("{}/boat:1", registry.host()));
    let cancel = never();
    let pulls = futures::future::join_all((0..4).map(|_| client.pull(&name, OWN, &Silent, &cancel))).await;
    assert!(pulls.iter().all(Result::is_ok));
    assert_eq!(registry.count("GET", &digest.to_string()), 1);
}

#[tokio::test]
async fn an_upload_goes_on_where_it_broke() {
    let here = World::new();
    let made = image(&here.store, &[noise(600_000, 9)]);
    let size = usize::try_from(made.layers[0].size).unwrap();
    let had = Arc::new(AtomicUsize::new(0));
    let (got, complete) = (Arc::clone(&had), AtomicUsize::new(0));
    let registry = Hostile::start(move |request| {
        let have = got.load(Ordering::SeqCst);
        match (request.method.as_str(), request.path.as_str()) {
            ("HEAD", _) => Reply::status(404),
            ("POST", _) => Reply::status(202).header("location", "/upload/1?state=x"),
            ("GET", path) if path.starts_with("/upload/") => Reply::status(204)
                .header("range", format!("0-{}", have - 1))
                .header("location", "/upload/2?state=y"),
            ("PATCH", _) if have == 0 => {
                got.store(400_000, Ordering::SeqCst);
                Reply::status(502)
            }
            ("PATCH", _) => {
                let range = format!("400000-{}", size - 1);
                assert_eq!(request.header("content-range"), Some(range.as_str()));
                complete.store(have + request.body.len(), Ordering::SeqCst);
                Reply::status(202).header("location", "/upload/3?state=z")
            }
            ("PUT", path) if path.contains("/upload/3") && path.contains("state=z") => {
                assert_eq!(complete.load(Ordering::SeqCst), size);
                Reply::status(201)
            }
            ("PUT", _) => Reply::status(201),
            _ => Reply::status(200),
        }
    })
    .await;
    let heard = Heard::default();
    let to = reference(&format!("{}/boat:1", registry.host()));
    let client = here.client(quick()).pushing(coracle_distribution::Layers::Kept);
    let pushed = client.push(made.manifest, &to, &heard, &never()).await.unwrap();
    assert_eq!((pushed.digest, heard.count(Outcome::Moved)), (made.manifest, 2));
    let last = registry.seen().pop().unwrap();
    assert_eq!(
        (last.method.as_str(), last.path.as_str()),
        ("PUT", "/v2/boat/manifests/1")
    );
}
