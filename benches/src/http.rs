//! The smallest client that tells when the first byte of an answer is there.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long a server may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long to pause before the next attempt to connect: short against every start that is measured.
const PAUSE: Duration = Duration::from_micros(200);

/// Sends a request as soon as somebody listens, and answers when the first byte of the answer is there.
pub(crate) fn first_byte(address: SocketAddr, path: &str) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match attempt(address, path) {
            Ok(()) => return Ok(()),
            Err(error) if is_early(&error) => std::thread::sleep(PAUSE),
            Err(error) => return Err(error.into()),
        }
    }
    bail!("nobody answered at {address}")
}

fn attempt(address: SocketAddr, path: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )?;
    stream.read_exact(&mut [0; 1])
}

fn is_early(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof
    )
}
