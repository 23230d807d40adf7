//! Bodies that mean harm, or are broken: refused with a reason, with nothing written outside and nothing left behind.

use tar::EntryType;

use super::body::{Producer, Tar, archive};
use super::yard::Yard;

#[tokio::test]
async fn each_hostile_entry_is_refused_with_its_reason() {
    let yard = Yard::usual().await;
    let config = yard.config();
    let good = || {
        Tar::default()
            .file("com.openfaas.docker.config", &config)
            .file("context/Dockerfile", "hello")
    };
    let kind = |kind: u8| EntryType::new(kind);
    for (tar, reason) in [
        (
            good().file("../escaped", "x"),
            "leads out of its directory by `..`",
        ),
        (good().file("/escaped", "x"), "is absolute"),
        (
            good().file("context/../../escaped", "x"),
            "leads out of its directory",
        ),
        (
            good().entry("context/l", EntryType::Symlink, "/etc/passwd"),
            "a link that leads out",
        ),
        (
            good().entry("context/l", EntryType::Symlink, "../../x"),
            "a link that leads out",
        ),
        (
            good().entry("context/l", EntryType::Link, "com.openfaas.docker.config"),
            "a link that leads out",
        ),
        (good().entry("context/d", kind(b'3'), ""), "neither a file"),
        (good().entry("context/d", kind(b'4'), ""), "neither a file"),
        (good().entry("context/d", kind(b'6'), ""), "neither a file"),
        (good().entry("context/s", kind(b'S'), ""), "a sparse file"),
        (
            Tar::default().file("context/Dockerfile", ""),
            "has no `com.openfaas.docker.config`",
        ),
        (
            Tar::default().file("com.openfaas.docker.config", &config),
            "has no `context/`",
        ),
        (
            Tar::default().file("com.openfaas.docker.config", "no"),
            "has no `context/`",
        ),
        (
            good().file("com.openfaas.docker.config", "{"),
            "cannot be understood",
        ),
        (
            good().file("com.openfaas.docker.config", "{}"),
            "names no `image`",
        ),
    ] {
        let body = tar.end();
        let answer = yard.post(body.clone(), "*/*").await;
        assert_eq!(answer.status, 400, "{reason}: {}", answer.body);
        let json = answer.json();
        assert_eq!(json["status"], "failed");
        assert!(
            json["error"].as_str().unwrap().contains(reason),
            "{reason}: {json}"
        );
        let last = yard.post(body, "application/x-ndjson").await.last();
        assert!(
            last["error"].as_str().unwrap().contains(reason),
            "{reason}: {last}"
        );
    }
    assert!(yard.is_clean());
}

#[tokio::test]
async fn a_body_that_is_cut_off_or_no_archive_is_refused() {
    let yard = Yard::usual().await;
    let whole = archive(Producer::Python, &yard.config(), "hello");
    for end in (0..whole.len()).step_by(997) {
        let answer = yard.post(whole[..end].to_vec(), "*/*").await;
        assert_eq!(answer.status, 400, "cut at {end}: {}", answer.body);
    }
    assert_eq!(yard.post(b"<html>".to_vec(), "*/*").await.status, 400);
    assert!(yard.is_clean());
}

#[tokio::test]
async fn a_body_whose_length_is_too_large_is_not_even_read() {
    let yard = Yard::usual().await;
    let mut stream = tokio::net::TcpStream::connect(yard.server.address())
        .await
        .unwrap();
    let head = format!(
        "POST /build HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        600 << 20
    );
    tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer)
        .await
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains(r#""status":"failed""#), "{answer}");
}
