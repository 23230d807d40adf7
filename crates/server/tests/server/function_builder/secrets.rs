//! Build secrets, sealed for the server.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_box::aead::Aead as _;
use crypto_box::{PublicKey, SalsaBox, SecretKey};

use super::body::Tar;
use super::yard::Yard;

/// An envelope as clients make it for the key that the server shows.
fn envelope(key: &serde_json::Value, key_id: &str) -> String {
    let text = |name: &str| key[name].as_str().unwrap();
    assert_eq!(text("algorithm"), "nacl/box");
    assert!(text("public_key").starts_with(text("key_id")));
    let bytes: [u8; 32] = STANDARD.decode(text("public_key")).unwrap().try_into().unwrap();
    let sender = SecretKey::from([5; 32]);
    let sealed = SalsaBox::new(&PublicKey::from(bytes), &sender)
        .encrypt(&[6; 24].into(), &b"hunter2"[..])
        .unwrap();
    format!(
        "version: v1\nalgorithm: nacl/box\nkey_id: {key_id}\npublic_key: {}\nsecrets:\n  npm: {}\n",
        STANDARD.encode(sender.public_key().as_bytes()),
        STANDARD.encode([&[6; 24][..], &sealed].concat())
    )
}

#[tokio::test]
async fn secrets_that_were_sealed_for_the_shown_key_reach_the_build() {
    let yard = Yard::usual().await;
    let key = yard.get("/publickey").await.json();
    assert_eq!(yard.get("/public-key").await.json(), key);
    let body = |id: &str| {
        Tar::default()
            .file("context/Dockerfile", "secrets")
            .file("com.openfaas.docker.config", &yard.config())
            .file("com.openfaas.secrets", &envelope(&key, id))
            .end()
    };
    let good = yard
        .post(body(key["key_id"].as_str().unwrap()), "application/x-ndjson")
        .await;
    assert_eq!(good.last()["status"], "success");
    assert!(
        good.log()[0].contains(&format!("{:?}", b"hunter2")),
        "{:?}",
        good.log()
    );
    let other = yard.post(body("deadbeef"), "application/x-ndjson").await.last();
    let error = other["error"].as_str().unwrap();
    assert!(
        error.starts_with("the build secrets are sealed for the key `deadbeef`"),
        "{error}"
    );
}
