//! Clients that leave, whenever they do, and those that say the wrong length: nothing of theirs stays, and the next is
//! served.

use std::time::Duration;

use coracle_server::store;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::body::{Producer, SECRET, archive, signature};
use super::yard::{Answer, Yard};

const PATIENCE: Duration = Duration::from_secs(30);

/// The head of a request whose body has the length `said`.
fn head(body: &[u8], said: usize) -> String {
    let signature = signature(SECRET, body);
    format!(
        "POST /build HTTP/1.1\r\nhost: x\r\nx-build-signature: {signature}\r\ncontent-length: {said}\r\n\r\n"
    )
}

async fn connect(yard: &Yard) -> TcpStream {
    TcpStream::connect(yard.server.address()).await.unwrap()
}

/// Ends the server, and expects that nothing of any body is left.
pub(super) async fn ends_clean(yard: Yard) {
    let Yard { server, folder, .. } = yard;
    server.shutdown().await;
    let left = fs_err::read_dir(store(folder.path()).join("scratch")).map_or(0, Iterator::count);
    assert_eq!(left, 0);
}

/// Sends a build as soon as there is room for it.
async fn built_at_last(yard: &Yard) -> Answer {
    let trying = async {
        loop {
            let answer = yard.build("hello").await;
            if answer.status != 429 {
                return answer;
            }
        }
    };
    timeout(PATIENCE, trying).await.expect("there is never room")
}

#[tokio::test]
async fn a_client_that_leaves_while_it_sends_leaves_nothing() {
    let yard = Yard::usual().await;
    let body = archive(Producer::Go, &yard.config(), "hello");
    let request = [head(&body, body.len()).as_bytes(), &body].concat();
    // More than may send at once: none keeps its place.
    for end in (0..request.len()).step_by(request.len() / 40) {
        let mut stream = connect(&yard).await;
        stream.write_all(&request[..end]).await.unwrap();
    }
    assert_eq!(built_at_last(&yard).await.status, 200);
    ends_clean(yard).await;
}

#[tokio::test]
async fn more_uploads_at_once_than_may_be_are_told_to_come_later() {
    let yard = Yard::usual().await;
    let body = archive(Producer::Go, &yard.config(), "hello");
    let mut sending = Vec::new();
    for _ in 0..16 {
        let mut stream = connect(&yard).await;
        stream
            .write_all(head(&body, body.len()).as_bytes())
            .await
            .unwrap();
        sending.push(stream);
    }
    let full = "Concurrent request limit exceeded. Max concurrent requests: 16\n";
    let refused = async { while yard.build("hello").await.body != full {} };
    timeout(PATIENCE, refused).await.expect("everybody has room");
    drop(sending);
    assert_eq!(built_at_last(&yard).await.status, 200);
    ends_clean(yard).await;
}

#[tokio::test]
async fn a_body_that_is_shorter_than_its_length_is_an_upload_that_broke_off() {
    let yard = Yard::usual().await;
    let body = archive(Producer::Go, &yard.config(), "hello");
    let mut stream = connect(&yard).await;
    stream
        .write_all(head(&body, body.len() + 1).as_bytes())
        .await
        .unwrap();
    stream.write_all(&body).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    assert!(said.is_empty() || said.contains("the upload broke off"), "{said}");
    assert!(yard.fake.tenants.lock().unwrap().is_empty(), "it was built");
    ends_clean(yard).await;
}

#[tokio::test]
async fn a_body_that_is_longer_than_its_length_is_signed_by_nobody() {
    let yard = Yard::usual().await;
    let body = archive(Producer::Go, &yard.config(), "hello");
    let mut stream = connect(&yard).await;
    stream
        .write_all(head(&body, body.len() - 1).as_bytes())
        .await
        .unwrap();
    stream.write_all(&body).await.unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).await.unwrap();
    let said = String::from_utf8(said).unwrap();
    assert!(
        said.starts_with("HTTP/1.1 401 ") && said.contains(r#""status":"failed""#),
        "{said}"
    );
    assert_eq!(yard.build("hello").await.status, 200);
}

#[tokio::test]
async fn a_client_that_leaves_the_queue_makes_room() {
    let yard = Yard::with(|settings| settings.bounds.waiting = 1).await;
    let mut waiting = yard.fake.waiting.subscribe();
    let others = async {
        waiting.wait_for(|count| *count == 1).await.unwrap();
        let body = archive(Producer::Go, &yard.config(), "never");
        let mut stream = connect(&yard).await;
        let head = head(&body, body.len()).replace("host: x", "host: x\r\naccept: application/x-ndjson");
        stream
            .write_all(&[head.as_bytes(), &body].concat())
            .await
            .unwrap();
        // It was let in, and is told so.
        stream.read_u8().await.unwrap();
        assert_eq!(yard.build("hello").await.status, 429);
        drop(stream);
        let next = built_at_last(&yard);
        let let_go = async { yard.fake.go.add_permits(1) };
        tokio::join!(next, let_go).0
    };
    let (first, next) = tokio::join!(yard.build("wait"), others);
    assert_eq!((first.status, next.status), (200, 200));
    assert!(!next.body.contains("never"));
}

#[tokio::test]
async fn a_client_that_leaves_during_the_push_ends_it() {
    let yard = Yard::usual().await;
    let registry = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = format!(r#"{{"image":"{}/team/hello"}}"#, registry.local_addr().unwrap());
    let body = archive(Producer::Go, &config, "hello");
    let mut stream = connect(&yard).await;
    stream
        .write_all(&[head(&body, body.len()).as_bytes(), &body].concat())
        .await
        .unwrap();
    // The registry hears the push, and never answers.
    let (mut pushing, _) = registry.accept().await.unwrap();
    pushing.read_u8().await.unwrap();
    drop(stream);
    let mut rest = Vec::new();
    timeout(PATIENCE, pushing.read_to_end(&mut rest))
        .await
        .expect("the push goes on")
        .ok();
    assert_eq!(built_at_last(&yard).await.status, 200);
    assert!(yard.is_clean());
}

#[tokio::test]
async fn two_builds_of_one_image_at_once_both_succeed() {
    let yard = Yard::with(|settings| settings.bounds.running = None).await;
    let mut waiting = yard.fake.waiting.subscribe();
    let let_go = async {
        waiting.wait_for(|count| *count == 2).await.unwrap();
        yard.fake.go.add_permits(2);
    };
    let (first, second, ()) = tokio::join!(yard.build("wait"), yard.build("wait"), let_go);
    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(first.json()["image"], second.json()["image"]);
    assert!(yard.is_clean());
}
