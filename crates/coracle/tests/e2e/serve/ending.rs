//! Ending in good order.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::harbour::Harbour;
use crate::machine::signal;
use crate::ship::Ship;

const PATIENCE: Duration = Duration::from_mins(1);

/// Reads until a connection has said `end`, and answers everything that it said.
fn read_until(connection: &mut TcpStream, end: &str) -> String {
    let mut said = Vec::new();
    let mut byte = [0];
    while !said.ends_with(end.as_bytes()) {
        let read = connection.read(&mut byte).unwrap();
        assert_ne!(read, 0, "it ended after: {}", String::from_utf8_lossy(&said));
        said.push(byte[0]);
    }
    String::from_utf8(said).unwrap()
}

/// Answers whether a new request gets its answer.
fn is_served(address: &str) -> bool {
    let answer = TcpStream::connect(address).map(|mut connection| {
        let mut answer = String::new();
        let _ =
            connection.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let _ = connection.read_to_string(&mut answer);
        answer
    });
    answer.unwrap_or_default().contains(" 200 ")
}

#[test]
fn a_server_that_ends_lets_a_body_in_flight_finish_both_ways() {
    let harbour = Harbour::open();
    harbour.deploy(&Ship::new(), &[]);
    let address = harbour.server.url().strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).unwrap();
    connection
        .write_all(b"POST /function/ship/ HTTP/1.1\r\nhost: localhost\r\ncontent-length: 8\r\n\r\nheav")
        .unwrap();
    let half = read_until(&mut connection, "HEAV");
    assert!(half.starts_with("HTTP/1.1 200"), "{half}");

    signal(harbour.server.pid(), "INT");
    harbour.server.says("ending:");
    let deadline = Instant::now() + PATIENCE;
    while is_served(address) {
        assert!(Instant::now() < deadline, "new requests are taken for ever");
    }

    connection.write_all(b"e ho").unwrap();
    read_until(&mut connection, "E HO");
    harbour.server.ended();
}
