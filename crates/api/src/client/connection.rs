//! One exchange on one connection, driven by whoever waits for the answer or reads its body.

use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use coracle_outbound::Obstacle;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::tls::{self, Trust, TrustError};
use super::{ClientError, Endpoint, RequestBody};

const CONNECT: Duration = Duration::from_secs(10);

/// How long a server may say nothing before the kernel asks the machine whether it is still there, and how long it waits
/// for each answer. Who follows logs or a build may hear nothing for hours, so that no deadline would fit; but a machine
/// that is gone is noticed.
const SILENCE: Duration = Duration::from_mins(1);
const ANSWER: Duration = Duration::from_secs(10);

type Driver = Pin<Box<dyn Future<Output = Result<(), hyper::Error>> + Send>>;

/// Connects, sends `request`, and answers what comes back.
pub(super) async fn exchange(
    endpoint: &Endpoint,
    trust: &Trust,
    request: Request<RequestBody>,
) -> Result<Response<Body>, ClientError> {
    let connecting = tokio::time::timeout(CONNECT, connect(endpoint, trust));
    let stream = connecting
        .await
        .unwrap_or_else(|_| Err(ConnectError::Io(io::Error::from(io::ErrorKind::TimedOut))));
    let stream = stream.map_err(|error| error.at(endpoint))?;
    Ok(send(stream, request).await?)
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Why there is no connection.
enum ConnectError {
    Io(io::Error),
    Trust(TrustError),
}

impl ConnectError {
    fn at(self, endpoint: &Endpoint) -> ClientError {
        let endpoint = Box::new(endpoint.clone());
        match self {
            Self::Io(error) => match Obstacle::of(&error) {
                source if source.is_of_certificate() => ClientError::Untrusted { endpoint, source },
                source => ClientError::Connect { endpoint, source },
            },
            Self::Trust(error) => ClientError::Trust(error),
        }
    }
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

async fn connect(endpoint: &Endpoint, trust: &Trust) -> Result<Box<dyn Io>, ConnectError> {
    Ok(match endpoint {
        Endpoint::Unix(path) => unix(path).await?,
        Endpoint::Http { host, port } => Box::new(tcp(host, *port).await?),
        Endpoint::Https { host, port } => {
            let config = trust.config().map_err(ConnectError::Trust)?;
            let stream = tcp(host, *port).await?;
            Box::new(tls::handshake(config, bare(host), stream).await?)
        }
    })
}

#[cfg(unix)]
async fn unix(path: &Path) -> io::Result<Box<dyn Io>> {
    Ok(Box::new(tokio::net::UnixStream::connect(path).await?))
}

#[cfg(not(unix))]
async fn unix(_: &Path) -> io::Result<Box<dyn Io>> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "this system has no such sockets",
    ))
}

async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((bare(host), port)).await?;
    let ask = TcpKeepalive::new().with_time(SILENCE).with_interval(ANSWER);
    SockRef::from(&stream).set_tcp_keepalive(&ask)?;
    Ok(stream)
}

/// Answers an address of IPv6 without its brackets.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

async fn send(stream: Box<dyn Io>, request: Request<RequestBody>) -> Result<Response<Body>, hyper::Error> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut driver: Option<Driver> = Some(Box::pin(connection));
    let mut answer = std::pin::pin!(sender.send_request(request));
    let response = poll_fn(|context| {
        drive(&mut driver, context);
        answer.as_mut().poll(context)
    })
    .await?;
    Ok(response.map(|incoming| Body { incoming, driver }))
}

/// Moves the connection on; what went wrong with it shows at the end that waits.
fn drive(driver: &mut Option<Driver>, context: &mut Context<'_>) {
    if let Some(connection) = driver
        && connection.as_mut().poll(context).is_ready()
    {
        *driver = None;
    }
}

/// An answer's body; reading it drives the connection.
pub struct Body {
    incoming: Incoming,
    driver: Option<Driver>,
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        drive(&mut self.driver, context);
        Pin::new(&mut self.incoming).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_falls_silent_is_asked_whether_it_is_there() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = tcp("127.0.0.1", listener.local_addr().unwrap().port()).await;
        assert!(SockRef::from(&stream.unwrap()).keepalive().unwrap());
    }
}
