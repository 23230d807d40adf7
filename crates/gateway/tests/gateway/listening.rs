//! Over real sockets: keep-alive, upgrades, clients that go away, and the end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use coracle_gateway::{Inbound, Limits, Listener, ListenerLimits, Outcome, Peer, serve};
use coracle_tasks::Tasks;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tower::service_fn;

use super::support::{App, World, whole};

const GRACE: Duration = Duration::from_mins(1);

/// Serves a world on a port.
async fn listen(world: &World) -> (SocketAddr, Tasks) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tasks = world.tasks.group();
    serve(
        Arc::clone(&world.gateway),
        Listener::Tcp(listener),
        ListenerLimits::default(),
        &tasks,
    );
    (address, tasks)
}

async fn say(address: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Reads until `end` has come, or the other side has closed.
async fn read_until(stream: &mut (impl tokio::io::AsyncRead + Unpin), end: &str) -> String {
    let mut read = Vec::new();
    while !read.ends_with(end.as_bytes()) || end.is_empty() {
        let mut byte = [0];
        if stream.read(&mut byte).await.unwrap() == 0 {
            break;
        }
        read.push(byte[0]);
    }
    String::from_utf8(read).unwrap()
}

const GET: &str = "GET / HTTP/1.1\r\nHost: hello.localhost\r\n\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_first_requests_over_sockets_reach_one_instance_and_all_get_the_answer() {
    let world = World::new(Limits::default());
    let (address, _tasks) = listen(&world).await;
    let clients = (0..50).map(|_| async move {
        let mut stream = say(address, GET).await;
        read_until(&mut stream, "hello").await
    });
    let starting = async {
        world.asked.called().await;
        world.add("a", &App::saying("hello"));
    };
    let (answers, ()) = tokio::join!(futures::future::join_all(clients), starting);
    assert!(
        answers
            .iter()
            .all(|answer| answer.starts_with("HTTP/1.1 200 OK\r\n"))
    );
    world.noted.ended(50).await;
    assert_eq!(world.in_flight("a"), 0);
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let world = World::of(&App::saying("hello"), Limits::default());
    let (address, _tasks) = listen(&world).await;
    let mut stream = say(address, GET).await;
    read_until(&mut stream, "hello").await;
    stream.write_all(GET.as_bytes()).await.unwrap();
    assert!(read_until(&mut stream, "hello").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn what_names_no_function_goes_to_the_platforms_own_service() {
    let world = World::with(Limits::default(), |gateway| {
        gateway.with_service(service_fn(async |request: Request<Inbound>| {
            let peer = *request.extensions().get::<Peer>().unwrap();
            let local = peer.is_local();
            let body = request.into_body().collect().await.unwrap().to_bytes();
            Ok::<_, Infallible>(Response::new(whole(format!("{local} {body:?} end"))))
        }))
    });
    let (address, _tasks) = listen(&world).await;
    let request = "POST /api HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi";
    let answer = read_until(&mut say(address, request).await, " end").await;
    assert!(answer.ends_with("true b\"hi\" end"));
    for header in [
        "x-coracle-origin: platform\r\n",
        "server-timing: queue",
        "x-request-id: ",
    ] {
        assert!(answer.contains(header), "{answer}");
    }
}

#[tokio::test]
async fn the_user_behind_a_socket_file_is_known() {
    let world = World::with(Limits::default(), |gateway| {
        gateway.with_service(service_fn(async |request: Request<Inbound>| {
            let peer = *request.extensions().get::<Peer>().unwrap();
            Ok::<_, Infallible>(Response::new(whole(format!("{peer:?}"))))
        }))
    });
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let tasks = world.tasks.group();
    let listener = Listener::Unix(UnixListener::bind(&path).unwrap());
    serve(
        Arc::clone(&world.gateway),
        listener,
        ListenerLimits::default(),
        &tasks,
    );
    let mut stream = UnixStream::connect(&path).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    let uid = std::os::unix::fs::MetadataExt::uid(&fs_err::metadata(&path).unwrap());
    let expected = format!("Unix {{ uid: {uid} }}");
    assert!(read_until(&mut stream, "}").await.ends_with(&expected));
}

/// An application that upgrades, and then says everything back.
fn echo() -> Arc<App> {
    App::http(async |mut request: Request<hyper::body::Incoming>| {
        let protocol = request.headers()["upgrade"].clone();
        let upgrade = hyper::upgrade::on(&mut request);
        Tasks::new().spawn("echo", async move {
            let (mut read, mut write) = tokio::io::split(TokioIo::new(upgrade.await.unwrap()));
            let _ = tokio::io::copy(&mut read, &mut write).await;
            let _ = write.shutdown().await;
        });
        let switching = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
        switching
            .header("connection", "upgrade")
            .header("upgrade", protocol)
            .body(whole(""))
            .unwrap()
    })
}

const UPGRADE: &str =
    "GET /chat HTTP/1.1\r\nHost: hello.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

#[tokio::test]
async fn an_upgraded_connection_passes_both_ways_and_is_in_flight() {
    let world = World::of(&echo(), Limits::default());
    let (address, _tasks) = listen(&world).await;
    let mut stream = say(address, UPGRADE).await;
    let head = read_until(&mut stream, "\r\n\r\n").await;
    assert!(
        head.starts_with("HTTP/1.1 101 ") && head.contains("upgrade: websocket\r\n"),
        "{head}"
    );
    for word in ["one", "two"] {
        stream.write_all(word.as_bytes()).await.unwrap();
        assert_eq!(read_until(&mut stream, word).await, word);
    }
    assert_eq!(world.in_flight("a"), 1);
    stream.shutdown().await.unwrap();
    assert_eq!(read_until(&mut stream, "").await, "");
    let status = Some(StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(world.noted.ended(1).await, [(status, Outcome::Upgraded, 6, 6)]);
    assert_eq!(world.in_flight("a"), 0);
}

#[tokio::test]
async fn an_upgraded_connection_ends_with_the_gateway() {
    let world = World::of(&echo(), Limits::default());
    let (address, _tasks) = listen(&world).await;
    let mut stream = say(address, UPGRADE).await;
    read_until(&mut stream, "\r\n\r\n").await;
    assert!(world.tasks.shutdown(GRACE).await.is_empty());
    assert_eq!(read_until(&mut stream, "").await, "");
}

#[tokio::test]
async fn a_client_that_waits_for_leave_to_send_gets_it_when_the_function_reads() {
    let app = App::http(async |request: Request<hyper::body::Incoming>| {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        Response::new(whole(body))
    });
    let world = World::of(&app, Limits::default());
    let (address, _tasks) = listen(&world).await;
    let request =
        "POST / HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    let mut stream = say(address, request).await;
    assert_eq!(
        read_until(&mut stream, "\r\n\r\n").await,
        "HTTP/1.1 100 Continue\r\n\r\n"
    );
    stream.write_all(b"body").await.unwrap();
    assert!(
        read_until(&mut stream, "body")
            .await
            .starts_with("HTTP/1.1 200 OK")
    );
}

#[tokio::test]
async fn a_refused_request_is_not_given_leave_to_send() {
    let world = World::new(Limits {
        queue_length: 0,
        ..Limits::default()
    });
    let (address, _tasks) = listen(&world).await;
    let request =
        "POST / HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    let mut stream = say(address, request).await;
    assert!(
        read_until(&mut stream, "\r\n\r\n")
            .await
            .starts_with("HTTP/1.1 429 ")
    );
}

#[tokio::test]
async fn two_lengths_are_one_or_none() {
    let app = App::http(async |request: Request<hyper::body::Incoming>| {
        let length = request.headers().contains_key("content-length");
        let body = request.into_body().collect().await.unwrap().to_bytes();
        Response::new(whole(format!("{length} {body:?} end")))
    });
    let world = World::of(&app, Limits::default());
    let (address, _tasks) = listen(&world).await;
    for lengths in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 3",
    ] {
        let request =
            format!("POST / HTTP/1.1\r\nHost: hello.localhost\r\n{lengths}\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
        let answer = read_until(&mut say(address, &request).await, " end").await;
        assert!(answer.ends_with("false b\"hello\" end"), "{answer}");
    }
}

#[tokio::test]
async fn an_application_that_says_two_lengths_is_not_believed_twice() {
    let app = App::raw(async |mut io, _| {
        let _ = io.read(&mut [0; 4096]).await;
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        let _ = io.write_all(answer).await;
        let _ = io.read(&mut [0]).await;
    });
    let world = World::of(&app, Limits::default());
    let (address, _tasks) = listen(&world).await;
    let answer = read_until(&mut say(address, GET).await, "0\r\n\r\n").await;
    assert!(
        answer.ends_with("5\r\nhello\r\n0\r\n\r\n") && !answer.contains("content-length"),
        "{answer}"
    );
}

#[tokio::test]
async fn an_old_client_is_served_and_the_application_still_gets_a_host() {
    let app = App::http(async |request: Request<hyper::body::Incoming>| {
        let host = request.headers()["host"].to_str().unwrap().to_owned();
        Response::new(whole(format!("from {host}")))
    });
    let world = World::of(&app, Limits::default());
    let (address, _tasks) = listen(&world).await;
    let answer = read_until(
        &mut say(address, "GET /function/hello HTTP/1.0\r\n\r\n").await,
        "",
    )
    .await;
    assert!(
        answer.starts_with("HTTP/1.0 200") && answer.ends_with("from localhost"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_head_that_is_too_large_or_names_two_hosts_is_refused() {
    let world = World::of(&App::saying("hello"), Limits::default());
    let (address, _tasks) = listen(&world).await;
    let large = format!(
        "GET / HTTP/1.1\r\nHost: hello.localhost\r\nX: {}\r\n\r\n",
        "x".repeat(70_000)
    );
    let answer = read_until(&mut say(address, &large).await, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let twice = "GET / HTTP/1.1\r\nHost: hello.localhost\r\nHost: other.localhost\r\n\r\n";
    let answer = read_until(&mut say(address, twice).await, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn a_client_that_hangs_up_frees_everything() {
    let (hand, app) = App::by_hand();
    let world = World::of(&app, Limits::default());
    let (address, _tasks) = listen(&world).await;
    let mut stream = say(address, GET).await;
    hand.send("first");
    read_until(&mut stream, "first").await;
    drop(stream);
    let ended = world.noted.ended(1).await;
    assert_eq!((ended[0].1, world.in_flight("a")), (Outcome::ClientLeft, 0));
}

#[tokio::test]
async fn a_client_that_hangs_up_in_the_queue_frees_its_place() {
    let world = World::new(Limits::default());
    let (address, _tasks) = listen(&world).await;
    let stream = say(address, GET).await;
    world.asked.called().await;
    drop(stream);
    assert_eq!(world.noted.ended(1).await, [(None, Outcome::ClientLeft, 0, 0)]);
    assert_eq!(world.revision.observe().waiting, 0);
}

#[tokio::test]
async fn the_end_waits_for_bodies_in_flight_and_takes_no_more_requests() {
    let (hand, app) = App::by_hand();
    let world = World::of(&app, Limits::default());
    let (address, tasks) = listen(&world).await;
    let mut busy = say(address, GET).await;
    hand.send("first");
    read_until(&mut busy, "first").await;
    let mut idle = TcpStream::connect(address).await.unwrap();

    let ending = tasks.shutdown(GRACE);
    let finishing = async {
        // The unused connection is closed first: the end has begun.
        read_until(&mut idle, "").await;
        hand.send("last");
        drop(hand);
        read_until(&mut busy, "").await
    };
    let (late, rest) = tokio::join!(ending, finishing);
    assert!(late.is_empty() && rest.contains("last"), "{rest}");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn the_end_does_not_wait_for_ever() {
    let (hand, app) = App::by_hand();
    let world = World::of(&app, Limits::default());
    let (address, tasks) = listen(&world).await;
    let mut stream = say(address, GET).await;
    hand.send("first");
    read_until(&mut stream, "first").await;
    assert_eq!(tasks.shutdown(Duration::from_millis(1)).await, ["connection"]);
    read_until(&mut stream, "").await;
    assert_eq!(world.noted.ended(1).await[0].1, Outcome::ClientLeft);
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_hung_up_on() {
    let app = App::http(async |_| Response::new(whole(Bytes::from(vec![b'x'; 32 << 20]))));
    let world = World::of(&app, Limits::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tasks = world.tasks.group();
    let limits = ListenerLimits {
        write: Duration::from_millis(20),
        ..ListenerLimits::default()
    };
    serve(
        Arc::clone(&world.gateway),
        Listener::Tcp(listener),
        limits,
        &tasks,
    );
    let _stream = say(address, GET).await;
    assert_eq!(world.noted.ended(1).await[0].1, Outcome::ClientLeft);
}
