//! An instance asks; a made-up server on the loopback of a made-up host answers.

use std::collections::HashMap;
use std::net::Ipv6Addr;
use std::path::Path;

use tempfile::TempDir;
use tokio::runtime::Builder;
use tokio::time::Instant;

use super::*;
use crate::world::namespace;

const UPSTREAM: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 53);
const SILENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)), 53);

/// How long one server may take.
const ATTEMPT: Duration = Duration::from_secs(10);

struct Declared(HashMap<&'static str, IpAddr>);

impl Names for Declared {
    fn addresses(&self, name: &str) -> Option<Vec<IpAddr>> {
        self.0.get(name).map(|address| vec![*address])
    }
}

/// What a test has in hand: an instance whose resolver runs.
struct Setting {
    dialer: Dialer,
    instance: Netns,
}

impl Setting {
    async fn ask_udp(&self, bytes: &[u8]) -> Vec<u8> {
        let client = self
            .dialer
            .bind_udp(&self.instance, ([127, 0, 0, 1], 0).into())
            .await
            .unwrap();
        client.connect(RESOLVER_ADDRESS).await.unwrap();
        client.send(bytes).await.unwrap();
        let mut answer = vec![0; 8192];
        let length = timeout(Duration::from_secs(30), client.recv(&mut answer))
            .await
            .unwrap()
            .unwrap();
        answer.truncate(length);
        answer
    }

    fn tcp(&self) -> TcpStream {
        let (address, port) = (RESOLVER_ADDRESS.ip(), RESOLVER_ADDRESS.port());
        let make = || std::net::TcpStream::connect((address, port));
        let stream = self.instance.run(make).unwrap().unwrap();
        stream.set_nonblocking(true).unwrap();
        TcpStream::from_std(stream).unwrap()
    }

    async fn ask_tcp(&self, stream: &mut TcpStream, bytes: &[u8]) -> Vec<u8> {
        stream.write_all(&message::framed(bytes).unwrap()).await.unwrap();
        let mut answer = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut answer).await.unwrap();
        answer
    }
}

/// Runs `test` in a host of its own, where port 53 is free. `resolv_conf` is that host's.
fn on_a_host(resolv_conf: &str, test: impl AsyncFnOnce(Setting)) {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("resolv.conf");
    fs_err::write(&file, resolv_conf).unwrap();
    let run = || {
        Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(with_resolver(&file, test));
    };
    namespace().run(run).unwrap();
}

async fn with_resolver(file: &Path, test: impl AsyncFnOnce(Setting)) {
    // However slow the machine is, a server that answers is in time.
    let limits = ResolverLimits {
        attempt: ATTEMPT,
        total: 3 * ATTEMPT,
        ..ResolverLimits::default()
    };
    let host = HostResolver::new(file, limits);
    let names = Declared(HashMap::from([("other.internal", IpAddr::from([127, 0, 0, 9]))]));
    let setting = Setting {
        dialer: Dialer::start().unwrap(),
        instance: namespace(),
    };
    let resolver = Resolver::bind(&setting.dialer, &setting.instance, host, Arc::new(names))
        .await
        .unwrap();
    let cancel = CancellationToken::new();
    let test = async {
        test(setting).await;
        cancel.cancel();
    };
    tokio::join!(resolver.serve(cancel.clone()), test);
}

fn question(name: &str) -> Vec<u8> {
    let mut bytes = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.as_bytes());
    }
    bytes.extend([0, 0, 1, 0, 1]);
    bytes
}

/// What the made-up server knows: `known.example` is 192.0.2.1, `long.example` too long for a datagram, everything
/// else unknown.
fn upstream_answer(bytes: &[u8]) -> Vec<u8> {
    let query = Query::parse(bytes).unwrap();
    match query.name() {
        "known.example" => query.answer(&[[192, 0, 2, 1].into(), Ipv6Addr::LOCALHOST.into()]),
        "long.example" => query.answer(&vec![[192, 0, 2, 1].into(); 400]),
        _ => {
            let mut unknown = query.answer(&[]);
            unknown[3] |= 3;
            unknown
        }
    }
}

async fn upstream_udp(socket: UdpSocket) {
    let mut buffer = [0; 4096];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
        let answer = upstream_answer(&buffer[..length]);
        // Somebody's forgery comes first: right place, wrong number.
        let mut forged = answer.clone();
        forged[0] ^= 1;
        socket.send_to(&forged, from).await.unwrap();
        socket.send_to(&answer, from).await.unwrap();
    }
}

async fn upstream_tcp(listener: TcpListener) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let query = read_query(&mut stream).await.unwrap();
        write_answer(&mut stream, &upstream_answer(query.bytes()))
            .await
            .unwrap();
    }
}

/// Takes questions and answers none; each attempt at it is over at once.
async fn silent_udp(socket: UdpSocket) {
    loop {
        socket.recv_from(&mut [0; 512]).await.unwrap();
        tokio::time::pause();
        tokio::time::advance(ATTEMPT).await;
        tokio::time::resume();
    }
}

/// Runs `test` while the made-up server answers.
async fn beside_upstream(test: impl Future<Output = ()>) {
    let udp = UdpSocket::bind(UPSTREAM).await.unwrap();
    let tcp = TcpListener::bind(UPSTREAM).await.unwrap();
    tokio::select! {
        () = test => {}
        () = upstream_udp(udp) => {}
        () = upstream_tcp(tcp) => {}
    }
}

#[test]
fn names_of_others_are_asked_of_a_server_on_the_hosts_loopback() {
    on_a_host("nameserver 127.0.0.1\n", async |setting| {
        beside_upstream(async {
            let asked = question("known.example");
            let answer = setting.ask_udp(&asked).await;
            assert_eq!(answer, upstream_answer(&asked));
            assert_eq!(answer[answer.len() - 4..], [192, 0, 2, 1]);
        })
        .await;
    });
}

#[test]
fn a_name_that_nobody_knows_is_unknown_and_not_a_failure() {
    on_a_host("nameserver 127.0.0.1\n", async |setting| {
        beside_upstream(async {
            let answer = setting.ask_udp(&question("no.example")).await;
            assert_eq!(answer[3] & 0x0f, 3);
        })
        .await;
    });
}

#[test]
fn declared_names_are_answered_without_a_server() {
    on_a_host("nameserver 127.0.0.1\n", async |setting| {
        let asked = question("Other.Internal");
        let answer = setting.ask_udp(&asked).await;
        assert_eq!(answer[answer.len() - 4..], [127, 0, 0, 9]);
        let mut stream = setting.tcp();
        assert_eq!(setting.ask_tcp(&mut stream, &asked).await, answer);
    });
}

#[test]
fn questions_over_tcp_are_passed_on_over_tcp_several_on_one_connection() {
    on_a_host("nameserver 127.0.0.1\n", async |setting| {
        beside_upstream(async {
            let mut stream = setting.tcp();
            for name in ["known.example", "long.example"] {
                let asked = question(name);
                assert_eq!(
                    setting.ask_tcp(&mut stream, &asked).await,
                    upstream_answer(&asked)
                );
            }
        })
        .await;
    });
}

#[test]
fn an_answer_too_long_for_a_datagram_says_so() {
    on_a_host("nameserver 127.0.0.1\n", async |setting| {
        beside_upstream(async {
            let answer = setting.ask_udp(&question("long.example")).await;
            assert_eq!(answer[2] & 0x02, 0x02);
        })
        .await;
    });
}

#[test]
fn a_server_that_is_silent_or_down_is_passed_over() {
    for first in ["127.0.0.2", "127.0.0.3"] {
        on_a_host(
            &format!("nameserver {first}\nnameserver 127.0.0.1\n"),
            async |setting| {
                let silent = UdpSocket::bind(SILENT).await.unwrap();
                let asked = async {
                    let answer = setting.ask_udp(&question("known.example")).await;
                    assert_eq!(answer[answer.len() - 4..], [192, 0, 2, 1]);
                };
                tokio::select! {
                    () = beside_upstream(asked) => {}
                    () = silent_udp(silent) => {}
                }
            },
        );
    }
}

#[test]
fn without_a_server_the_answer_is_a_failure_and_not_silence() {
    on_a_host("nameserver 127.0.0.1\n", async |setting| {
        let asked = question("known.example");
        assert_eq!(setting.ask_udp(&asked).await[3] & 0x0f, 2);
        let mut stream = setting.tcp();
        assert_eq!(setting.ask_tcp(&mut stream, &asked).await[3] & 0x0f, 2);
    });
}

#[test]
fn what_is_no_question_is_ignored_and_the_next_question_answered() {
    on_a_host("nameserver 127.0.0.1\n", async |setting| {
        let client = setting
            .dialer
            .bind_udp(&setting.instance, ([127, 0, 0, 1], 0).into())
            .await
            .unwrap();
        client.connect(RESOLVER_ADDRESS).await.unwrap();
        for bytes in [&[][..], &[1, 2, 3], &[0xff; 600]] {
            client.send(bytes).await.unwrap();
        }
        let answer = setting.ask_udp(&question("other.internal")).await;
        assert_eq!(answer[3] & 0x0f, 0);
        assert!(client.try_recv(&mut [0; 512]).is_err());
        let mut stream = setting.tcp();
        stream
            .write_all(&message::framed(&[0xff; 40]).unwrap())
            .await
            .unwrap();
        assert!(matches!(stream.read(&mut [0; 1]).await, Ok(0) | Err(_)));
    });
}

#[test]
fn an_instance_that_asks_too_much_is_not_answered_before_others_are() {
    on_a_host("nameserver 127.0.0.2\n", async |setting| {
        let silent = UdpSocket::bind(SILENT).await.unwrap();
        let limit = ResolverLimits::default().questions;
        let client = setting
            .dialer
            .bind_udp(&setting.instance, ([127, 0, 0, 1], 0).into())
            .await
            .unwrap();
        client.connect(RESOLVER_ADDRESS).await.unwrap();
        for _ in 0..2 * limit {
            client.send(&question("known.example")).await.unwrap();
        }
        let mut buffer = [0; 512];
        for number in 1..=limit {
            let asked = timeout(Duration::from_secs(30), silent.recv_from(&mut buffer)).await;
            assert!(asked.is_ok(), "question {number} was not passed on");
        }
        assert!(
            silent.try_recv_from(&mut buffer).is_err(),
            "more than {limit} were passed on"
        );
    });
}

#[test]
fn the_file_for_the_instance_follows_the_hosts() {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("resolv.conf");
        fs_err::write(&file, "nameserver 10.0.0.1\nsearch a.example\n").unwrap();
        let host = HostResolver::new(&file, ResolverLimits::default());
        assert_eq!(
            host.instance_resolv_conf().await,
            "nameserver 127.0.0.53\nsearch a.example\n"
        );
        fs_err::write(&file, "nameserver 10.0.0.1\nsearch b.example\n").unwrap();
        assert_eq!(
            host.instance_resolv_conf().await,
            "nameserver 127.0.0.53\nsearch a.example\n"
        );
        tokio::time::sleep_until(Instant::now() + Duration::from_secs(6)).await;
        assert_eq!(
            host.instance_resolv_conf().await,
            "nameserver 127.0.0.53\nsearch b.example\n"
        );
    });
}
