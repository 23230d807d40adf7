//! One question to one server. The caller sets the time limit.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

use super::message::{Query, framed};

/// The largest answer over UDP that programs ask for (RFC 6891 §6.2.5); longer ones come over TCP.
const LARGEST_ANSWER: usize = 4096;

/// Asks over UDP, from a socket of its own, so that a forged answer has to guess its port (RFC 5452 §9.2).
pub(super) async fn over_udp(query: &Query, server: SocketAddr) -> io::Result<Vec<u8>> {
    let any: SocketAddr = if server.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    socket.send(query.bytes()).await?;
    let mut buffer = vec![0; LARGEST_ANSWER + 1];
    loop {
        let length = socket.recv(&mut buffer).await?;
        if !query.is_answered_by(&buffer[..length]) {
            continue;
        }
        if length > LARGEST_ANSWER {
            return Ok(query.truncated());
        }
        buffer.truncate(length);
        return Ok(buffer);
    }
}

/// Asks over TCP.
pub(super) async fn over_tcp(query: &Query, server: SocketAddr) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let message = framed(query.bytes()).ok_or(io::ErrorKind::InvalidInput)?;
    stream.write_all(&message).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    if query.is_answered_by(&answer) {
        Ok(answer)
    } else {
        Err(io::ErrorKind::InvalidData.into())
    }
}
