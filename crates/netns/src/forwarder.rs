//! Hands a service of the host to one instance: what connects to an address inside is joined with a connection
//! that the host makes.
//!
//! This is how a proxy on the host's loopback (`HTTP_PROXY=http://127.0.0.1:3128`) serves an instance under the very
//! same address, and how names of other functions lead to the gateway.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::acceptor::serve_connections;
use crate::dialer::{DialError, Dialer};
use crate::namespace::Netns;

/// Bounds of a forwarder.
#[derive(Debug, Clone, Copy)]
pub struct ForwarderLimits {
    /// How many connections are open at once; others wait.
    pub connections: usize,
    /// How long the host's service may take to accept one.
    pub connect: Duration,
    /// How long a connection may carry nothing either way before it is closed.
    pub idle: Duration,
}

impl Default for ForwarderLimits {
    fn default() -> Self {
        Self {
            connections: 256,
            connect: Duration::from_secs(10),
            idle: Duration::from_mins(10),
        }
    }
}

/// A listener inside a namespace, and where its connections lead.
#[derive(Debug)]
pub struct Forwarder {
    listener: TcpListener,
    host: SocketAddr,
    limits: ForwarderLimits,
}

impl Forwarder {
    /// Listens on `inside` in `namespace`; connections lead to `host` as the calling process sees it.
    pub async fn bind(
        dialer: &Dialer,
        namespace: &Netns,
        inside: SocketAddr,
        host: SocketAddr,
        limits: ForwarderLimits,
    ) -> Result<Self, DialError> {
        Ok(Self {
            listener: dialer.listen(namespace, inside).await?,
            host,
            limits,
        })
    }

    /// Forwards until `cancel` is cancelled; connections end then too.
    pub async fn serve(self, cancel: CancellationToken) {
        let forward = |stream| join(stream, self.host, self.limits);
        let all = serve_connections(&self.listener, self.limits.connections, forward);
        let _ = cancel.run_until_cancelled(all).await;
    }
}

async fn join(mut inside: TcpStream, host: SocketAddr, limits: ForwarderLimits) {
    let outside = timeout(limits.connect, TcpStream::connect(host)).await;
    // A service that is down shows inside as a connection that is closed at once.
    let Ok(Ok(mut outside)) = outside else { return };
    let _ = inside.set_nodelay(true);
    let _ = outside.set_nodelay(true);
    let (inside_read, inside_write) = inside.split();
    let (outside_read, outside_write) = outside.split();
    let (active, activity) = watch::channel(Instant::now());
    let both = async {
        tokio::try_join!(
            copy(inside_read, outside_write, &active),
            copy(outside_read, inside_write, &active)
        )
    };
    tokio::select! {
        _ = both => {}
        () = idle(activity, limits.idle) => {}
    }
}

/// Copies until the end, which it passes on.
async fn copy(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    active: &watch::Sender<Instant>,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..length]).await?;
        active.send_replace(Instant::now());
    }
}

/// Ends when nothing was active for `limit`.
async fn idle(activity: watch::Receiver<Instant>, limit: Duration) {
    loop {
        let until = *activity.borrow() + limit;
        if until <= Instant::now() {
            return;
        }
        sleep_until(until).await;
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::world::namespace;

    const INSIDE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 3128);

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    /// Runs `client` beside a forwarder to `host`, and ends the forwarder when the client has ended.
    async fn with_forwarder<T>(
        host: SocketAddr,
        limits: ForwarderLimits,
        client: impl AsyncFnOnce(&Dialer, &Netns) -> T,
    ) -> T {
        let inside = namespace();
        let dialer = Dialer::start().unwrap();
        let forwarder = Forwarder::bind(&dialer, &inside, INSIDE, host, limits)
            .await
            .unwrap();
        let cancel = CancellationToken::new();
        let client = async {
            let result = client(&dialer, &inside).await;
            cancel.cancel();
            result
        };
        tokio::join!(forwarder.serve(cancel.clone()), client).1
    }

    async fn host_service() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn bytes_and_their_end_pass_both_ways() {
        let (service, address) = host_service().await;
        let body = vec![7; 300_000];
        with_forwarder(address, ForwarderLimits::default(), async |dialer, inside| {
            let mut client = dialer.connect(inside, INSIDE.port(), soon()).await.unwrap();
            let (mut served, _) = service.accept().await.unwrap();
            let mut received = Vec::new();
            let send = async {
                client.write_all(&body).await.unwrap();
                client.shutdown().await.unwrap();
            };
            let ((), result) = tokio::join!(send, served.read_to_end(&mut received));
            result.unwrap();
            assert_eq!(received, body);
            served.write_all(b"done").await.unwrap();
            drop(served);
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            assert_eq!(answer, "done");
        })
        .await;
    }

    #[tokio::test]
    async fn a_service_that_is_down_shows_as_a_closed_connection() {
        let (service, address) = host_service().await;
        drop(service);
        with_forwarder(address, ForwarderLimits::default(), async |dialer, inside| {
            let mut client = dialer.connect(inside, INSIDE.port(), soon()).await.unwrap();
            let mut answer = Vec::new();
            assert!(matches!(client.read_to_end(&mut answer).await, Ok(0) | Err(_)));
        })
        .await;
    }

    #[tokio::test]
    async fn a_connection_that_carries_nothing_is_closed() {
        let (service, address) = host_service().await;
        let limits = ForwarderLimits {
            idle: Duration::from_millis(20),
            ..ForwarderLimits::default()
        };
        with_forwarder(address, limits, async |dialer, inside| {
            let mut client = dialer.connect(inside, INSIDE.port(), soon()).await.unwrap();
            let _served = service.accept().await.unwrap();
            let mut answer = Vec::new();
            assert!(matches!(client.read_to_end(&mut answer).await, Ok(0) | Err(_)));
        })
        .await;
    }

    #[tokio::test]
    async fn connections_beyond_the_limit_wait_for_a_place() {
        let (service, address) = host_service().await;
        let limits = ForwarderLimits {
            connections: 1,
            ..ForwarderLimits::default()
        };
        with_forwarder(address, limits, async |dialer, inside| {
            let first = dialer.connect(inside, INSIDE.port(), soon()).await.unwrap();
            let (first_served, _) = service.accept().await.unwrap();
            let _second = dialer.connect(inside, INSIDE.port(), soon()).await.unwrap();
            assert!(
                timeout(Duration::from_millis(50), service.accept())
                    .await
                    .is_err()
            );
            drop((first, first_served));
            service.accept().await.unwrap();
        })
        .await;
    }
}
