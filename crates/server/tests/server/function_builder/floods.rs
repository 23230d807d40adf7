//! Bodies without an end, or with far more in them than they weigh: each is given up with a reason.

use tar::{EntryType, Header};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::body::{Producer, archive};
use super::hang_up::ends_clean;
use super::yard::Yard;

/// An archive of a good body and, before its end, what `more` says, compressed piece by piece.
fn compressed(yard: &Yard, more: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut good = archive(Producer::Go, &yard.config(), "hello");
    good.truncate(good.len() - 1024);
    let mut body = piece(&good);
    body.extend(more.flatten());
    body
}

/// A piece that can stand anywhere in a compressed body.
fn piece(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// The head of a file that nobody asks for, of any size.
fn head(size: u64) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.set_path("other").unwrap();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(size);
    header.set_cksum();
    header.as_bytes().to_vec()
}

async fn refused(yard: &Yard, body: Vec<u8>, reason: &str) {
    let answer = yard.post(body, "*/*").await;
    assert_eq!(answer.status, 400, "{reason}: {}", answer.body);
    let json = answer.json();
    assert_eq!(json["status"], "failed");
    assert!(json["error"].as_str().unwrap().contains(reason), "{json}");
    assert!(yard.is_clean());
}

#[tokio::test]
async fn a_small_body_that_unpacks_to_gigabytes_is_given_up() {
    let yard = Yard::usual().await;
    let zeros = piece(&vec![0; 64 << 20]);
    let more = std::iter::once(piece(&head(4 << 30))).chain(std::iter::repeat_n(zeros, 40));
    let body = compressed(&yard, more);
    assert!(body.len() < 1 << 20, "{} bytes", body.len());
    refused(&yard, body, "larger than").await;
}

#[tokio::test]
async fn a_million_entries_are_given_up() {
    let yard = Yard::usual().await;
    let thousand = piece(&head(0).repeat(1000));
    let body = compressed(&yard, std::iter::repeat_n(thousand, 1000));
    refused(&yard, body, "more than 200000 entries").await;
}

#[tokio::test]
async fn a_size_that_is_not_true_or_too_large_is_not_believed() {
    let yard = Yard::usual().await;
    for (size, reason) in [
        (1 << 30, "is cut off"),
        (9 << 30, "is larger than"),
        (1 << 40, "is larger than"),
        (u64::MAX, "is no number"),
    ] {
        let mut body = archive(Producer::Go, &yard.config(), "hello");
        body.truncate(body.len() - 1024);
        body.extend(head(size));
        refused(&yard, body, reason).await;
    }
}

#[tokio::test]
async fn a_window_of_memory_that_a_body_asks_for_is_not_given() {
    let yard = Yard::usual().await;
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    let good = archive(Producer::Go, &yard.config(), "hello");
    std::io::Write::write_all(&mut encoder, &good).unwrap();
    refused(&yard, encoder.finish().unwrap(), "cannot unpack the body").await;
}

#[tokio::test]
async fn a_stream_without_an_end_is_given_up() {
    let yard = Yard::usual().await;
    let mut stream = TcpStream::connect(yard.server.address()).await.unwrap();
    let head = "POST /build HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let mut answer = Vec::new();
    let chunk = [b"400000\r\n", &vec![0; 0x40_0000][..], b"\r\n"].concat();
    let send = async {
        // The server stops listening: that is the point.
        while writing.write_all(&chunk).await.is_ok() {}
    };
    tokio::select! {
        () = send => {}
        _ = reading.read_buf(&mut answer) => {}
    }
    // What the server said before it closed may be lost with the connection; that it gave up is sure.
    let said = String::from_utf8_lossy(&answer);
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 413 "), "{said}");
    ends_clean(yard).await;
}
