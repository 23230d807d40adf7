//! Who may build, and whose build it is.

use std::time::Duration;

use coracle_platform::PayloadKey;
use coracle_server::BuilderSenders;

use super::body::{Producer, SECRET, archive, signature};
use super::yard::Yard;

fn key(tenant: &str, secret: &str) -> PayloadKey {
    PayloadKey::new(tenant.parse().unwrap(), secret).unwrap()
}

#[tokio::test]
async fn a_body_that_nobody_known_signed_is_refused_as_json() {
    let yard = Yard::usual().await;
    let body = archive(Producer::Go, &yard.config(), "hello");
    let wrong = signature("another", &body);
    for signature in [None, Some(""), Some("sha1=00"), Some(wrong.as_str())] {
        for accept in ["*/*", "application/x-ndjson"] {
            let answer = yard.post_signed(body.clone(), accept, signature).await;
            assert_eq!(answer.status, 401, "{signature:?}");
            let json = answer.json();
            assert_eq!(
                (&json["status"], &json["log"][0]),
                (&"failed".into(), &json["error"])
            );
        }
    }
    assert!(yard.is_clean() && yard.fake.tenants.lock().unwrap().is_empty());
}

#[tokio::test]
async fn without_signatures_everybody_builds_signed_or_not() {
    let yard = Yard::with(|settings| settings.senders = BuilderSenders::Anybody).await;
    let body = archive(Producer::Go, &yard.config(), "hello");
    let empty = signature("", &body);
    for signature in [None, Some(empty.as_str())] {
        assert_eq!(yard.post_signed(body.clone(), "*/*", signature).await.status, 200);
    }
}

#[tokio::test]
async fn the_secret_names_the_tenant_and_two_of_one_are_one() {
    let keys = vec![key("acme", SECRET), key("acme", "newer"), key("other", "third")];
    let yard = Yard::with(|settings| settings.senders = BuilderSenders::Keys(keys)).await;
    for (secret, status, tenants) in [(SECRET, 200, 1), ("newer", 200, 1), ("third", 422, 2)] {
        let body = archive(Producer::Go, &yard.config(), "hello");
        let signature = signature(secret, &body);
        let answer = yard.post_signed(body, "*/*", Some(&signature)).await;
        assert_eq!(
            answer.status, status,
            "{secret}: another's repository is not for them"
        );
        assert_eq!(yard.fake.tenants.lock().unwrap().len(), tenants);
    }
}

#[tokio::test]
async fn the_first_start_makes_the_secret_that_bodies_are_signed_with() {
    let yard = Yard::with(|settings| settings.senders = BuilderSenders::Own).await;
    let file = yard.folder.path().join("auth/payload-secret");
    let secret = fs_err::read_to_string(file).unwrap();
    let body = archive(Producer::Go, &yard.config(), "hello");
    let signature = signature(secret.trim(), &body);
    assert_eq!(yard.post_signed(body, "*/*", Some(&signature)).await.status, 200);
}

#[tokio::test]
async fn with_a_replay_window_a_body_is_taken_once() {
    let yard = Yard::with(|settings| settings.replay_window = Some(Duration::from_mins(10))).await;
    let body = archive(Producer::Go, &yard.config(), "hello");
    assert_eq!(yard.post(body.clone(), "*/*").await.status, 200);
    let again = yard.post(body, "*/*").await;
    assert_eq!(again.status, 409);
    assert!(
        again.json()["error"]
            .as_str()
            .unwrap()
            .starts_with("this body was taken before")
    );
    assert_eq!(yard.build("hello again").await.status, 200);
}
