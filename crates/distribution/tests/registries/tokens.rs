//! Who we are: token servers, and who must not hear of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use coracle_distribution::{Credential, DistributionError, One, Secret, Settings};
use coracle_spec::{Class, Failure};

use crate::hostile::{Hostile, Reply, Request};
use crate::images::{OWN, World, quick, reference};

/// A token server that gives tokens to ada, whose password is sesame.
async fn token_server() -> Hostile {
    Hostile::start(|request| {
        let ada = request.header("authorization") == Some("Basic YWRhOnNlc2FtZQ==");
        let traded = String::from_utf8_lossy(&request.body).contains("refresh_token=identity");
        if ada || traded {
            Reply::bytes(r#"{"token":"good","expires_in":300}"#)
        } else {
            Reply::status(401)
        }
    })
    .await
}

/// A registry that takes the token and has nothing.
async fn registry(realm: String) -> Hostile {
    Hostile::start(move |request| match request.header("authorization") {
        Some("Bearer good") if request.path == "/v2/" => Reply::status(200),
        Some("Bearer good") => Reply::status(404),
        _ => Reply::status(401).header(
            "www-authenticate",
            format!(r#"Bearer realm="{realm}",service="harbour""#),
        ),
    })
    .await
}

fn somebody(host: &str, credential: Credential) -> Settings {
    Settings {
        credentials: Arc::new(One::at(host, credential)),
        ..quick()
    }
}

#[tokio::test]
async fn a_token_is_fetched_once_for_what_is_wanted() {
    let server = token_server().await;
    let registry = registry(format!("http://{}/token", server.host())).await;
    for credential in [
        Credential::basic("ada", "sesame"),
        Credential::Identity(Secret::new("identity")),
    ] {
        let client = World::new().client(somebody(&registry.host(), credential));
        client.check(&registry.host()).await.unwrap();
        let name = reference(&format!("{}/team/boat:1", registry.host()));
        for _ in 0..3 {
            assert!(client.resolve(&name, OWN).await.unwrap_err().is_not_found());
        }
    }
    let seen = server.seen();
    assert_eq!(
        seen.len(),
        4,
        "one for the registry and one for the repository, twice"
    );
    assert!(
        seen[1].path.contains("service=harbour")
            && seen[1].path.contains("scope=repository%3Ateam%2Fboat%3Apull")
    );
    assert!(String::from_utf8_lossy(&seen[3].body).contains("grant_type=refresh_token"));
}

#[tokio::test]
async fn who_is_refused_hears_how_to_log_in_and_nobody_hears_the_password() {
    let server = token_server().await;
    let registry = registry(format!("http://{}/token", server.host())).await;
    let host = registry.host();
    let wrong = World::new().client(somebody(&host, Credential::basic("ada", "open-sesame")));
    let error = wrong.check(&host).await.unwrap_err();
    assert_eq!(error.class(), Class::Denied);
    assert!(
        error
            .hint()
            .unwrap()
            .contains(&format!("coracle registry login {host}"))
    );
    assert!(!format!("{error:?} {wrong:?}").contains("open-sesame"));
    let nobody = World::new().client(quick()).check(&host).await.unwrap_err();
    assert!(
        matches!(nobody, DistributionError::Denied { known: false, .. }),
        "{nobody:?}"
    );
}

#[tokio::test]
async fn a_token_server_that_fails_is_no_refusal() {
    let server = Hostile::start(|_| Reply::status(503)).await;
    let registry = registry(format!("http://{}/token", server.host())).await;
    let error = World::new()
        .client(quick())
        .check(&registry.host())
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::Unavailable, "{error:?}");
}

/// Asserts that it was asked something, and never told by whom.
fn assert_asked_by_nobody(registry: &Hostile) {
    let seen = registry.seen();
    assert!(!seen.is_empty());
    for request in &seen {
        assert!(request.header("authorization").is_none(), "{seen:?}");
    }
}

#[tokio::test]
async fn a_redirect_to_another_host_does_not_take_the_token_along() {
    let elsewhere = Hostile::start(|_| Reply::bytes("{}")).await;
    let server = token_server().await;
    let (realm, place) = (server.host(), elsewhere.host());
    let registry = Hostile::start(move |request: &Request| match request.header("authorization") {
        Some("Bearer good") => Reply::status(307).header("location", format!("http://{place}/x")),
        _ => Reply::status(401).header("www-authenticate", format!(r#"Bearer realm="http://{realm}/t""#)),
    })
    .await;
    let client = World::new().client(somebody(&registry.host(), Credential::basic("ada", "sesame")));
    let name = reference(&format!("{}/boat:1", registry.host()));
    client.resolve(&name, OWN).await.unwrap_err();
    assert_asked_by_nobody(&elsewhere);
}

#[tokio::test]
async fn an_upload_that_is_sent_elsewhere_does_not_take_the_password_along() {
    let elsewhere = Hostile::start(|_| Reply::status(401).header("www-authenticate", "Basic")).await;
    let place = elsewhere.host();
    let registry = Hostile::start(move |request: &Request| match request.header("authorization") {
        None => Reply::status(401).header("www-authenticate", r#"Basic realm="x""#),
        Some(_) if request.method == "POST" => {
            Reply::status(202).header("location", format!("http://{place}/upload"))
        }
        Some(_) => Reply::status(404),
    })
    .await;
    let here = World::new();
    let image = crate::images::image(&here.store, &[b"a".to_vec()]);
    let client = here.client(somebody(&registry.host(), Credential::basic("ada", "sesame")));
    let to = reference(&format!("{}/boat:1", registry.host()));
    let cancel = crate::images::never();
    client
        .push(image.manifest, &to, &coracle_distribution::Silent, &cancel)
        .await
        .unwrap_err();
    assert_asked_by_nobody(&elsewhere);
}

#[tokio::test]
async fn a_token_that_is_refused_is_fetched_again() {
    let (served, given) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tokens = Arc::clone(&given);
    let realm = Hostile::start(move |_| {
        let number = tokens.fetch_add(1, Ordering::SeqCst);
        Reply::bytes(format!(r#"{{"access_token":"t{number}"}}"#))
    })
    .await;
    let (place, count) = (realm.host(), Arc::clone(&served));
    let registry = Hostile::start(move |request: &Request| match request.header("authorization") {
        // The first token is good for one request.
        Some("Bearer t0") if count.fetch_add(1, Ordering::SeqCst) == 0 => Reply::status(200),
        Some("Bearer t1") => Reply::status(200),
        _ => Reply::status(401).header("www-authenticate", format!(r#"Bearer realm="http://{place}/t""#)),
    })
    .await;
    let client = World::new().client(quick());
    for _ in 0..3 {
        client.check(&registry.host()).await.unwrap();
    }
    assert_eq!(given.load(Ordering::SeqCst), 2);
}
