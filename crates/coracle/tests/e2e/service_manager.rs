//! What a service manager gives a server, and hears from it.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::harbour::get;
use crate::machine::{Machine, Running, signal};

/// Becomes the program, with the socket on standard input passed on as a service manager passes sockets.
const ACTIVATE: &str = r#"exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@""#;

const PATIENCE: Duration = Duration::from_mins(2);

/// Prepares a run of the program that finds `socket` in its environment.
fn activated(program: &Command, socket: TcpListener) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", ACTIVATE])
        .arg(program.get_program())
        .args(program.get_args())
        .env_clear()
        .envs(
            program
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .stdin(Stdio::from(OwnedFd::from(socket)));
    shell
}

#[test]
fn a_request_waits_in_the_socket_of_the_service_manager_until_the_server_takes_it() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let mut early = TcpStream::connect(address).unwrap();
    early
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .unwrap();
    let machine = Machine::empty();
    let serve = machine.command(&["serve", "--metrics", "127.0.0.1:0"]);
    let server = Running::start(activated(&serve, socket));
    assert_eq!(server.url(), format!("http://{address}"));
    let mut answer = String::new();
    early.set_read_timeout(Some(PATIENCE)).unwrap();
    early.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    server.end();
}

#[test]
fn a_socket_of_another_kind_is_refused() {
    let machine = Machine::empty();
    let serve = machine.command(&["serve", "--metrics", "127.0.0.1:0"]);
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut program = activated(&serve, TcpListener::bind("127.0.0.1:0").unwrap());
    let output = program.stdin(Stdio::from(OwnedFd::from(udp))).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("the service manager passed on something else"),
        "{said}"
    );
    assert!(said.contains("ListenStream="), "{said}");
}

#[test]
fn the_service_manager_hears_when_requests_are_taken_and_when_the_server_ends() {
    let machine = Machine::empty();
    let path = machine.data().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut serve = machine.command(&["serve", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]);
    serve.env("NOTIFY_SOCKET", &path);
    let server = Running::start(serve);
    assert_eq!(
        heard(&manager),
        format!("READY=1\nSTATUS=serving at {}\n", server.url())
    );
    server.end();
    assert!(heard(&manager).starts_with("STOPPING=1\n"));
}

#[test]
fn a_reload_does_not_end_a_server_that_has_nothing_to_read_again() {
    let machine = Machine::empty();
    let server = machine.start(&["serve", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]);
    signal(server.pid(), "HUP");
    assert_eq!(get(&format!("{}/healthz", server.url())).0, 200);
    server.end();
}

fn heard(manager: &UnixDatagram) -> String {
    let mut message = [0; 4096];
    let length = manager.recv(&mut message).unwrap();
    String::from_utf8(message[..length].to_vec()).unwrap()
}
