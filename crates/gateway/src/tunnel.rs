//! An upgraded connection: bytes both ways until either side ends, both are silent for too long, or the gateway
//! ends. Its place on the instance is taken as long as it lasts.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional};
use tokio::time::sleep_until;

use crate::record::Outcome;
use crate::relay::Held;
use crate::seen::LastSeen;

/// Joins both sides once each has switched.
pub(crate) async fn run(client: OnUpgrade, upstream: OnUpgrade, idle: Duration, mut held: Held) {
    let (client, upstream) = match tokio::try_join!(client, upstream) {
        Ok((client, upstream)) => (TokioIo::new(client), TokioIo::new(upstream)),
        Err(error) => return tracing::debug!(%error, "an upgrade came to nothing"),
    };
    held.open.record.outcome = Outcome::Upgraded;
    let heard = LastSeen::now();
    let (mut client, mut upstream) = (Heard::new(client, &heard), Heard::new(upstream, &heard));
    tokio::select! {
        copied = copy_bidirectional(&mut client, &mut upstream) => {
            if let Err(error) = copied {
                tracing::debug!(%error, "an upgraded connection broke off");
            }
        }
        () = silence(&heard, idle) => tracing::debug!("an upgraded connection was silent for too long"),
    }
    held.open.record.received = client.read;
    held.open.record.sent = upstream.read;
}

async fn silence(heard: &LastSeen, idle: Duration) {
    loop {
        let last = heard.at();
        sleep_until(last + idle).await;
        if heard.at() == last {
            return;
        }
    }
}

/// One side of a tunnel: notes when something is heard from it, and how much.
struct Heard<'a, T> {
    io: T,
    last: &'a LastSeen,
    read: u64,
}

impl<'a, T> Heard<'a, T> {
    fn new(io: T, last: &'a LastSeen) -> Self {
        Self { io, last, read: 0 }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Heard<'_, T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.io).poll_read(context, buffer);
        let length = buffer.filled().len() - before;
        if length > 0 {
            self.last.touch();
            self.read += length as u64;
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Heard<'_, T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
