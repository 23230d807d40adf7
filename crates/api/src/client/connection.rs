//! One exchange on one connection, driven by whoever waits for the answer or reads its body.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::{ClientError, Endpoint, RequestBody};

const CONNECT: Duration = Duration::from_secs(10);

type Driver = Pin<Box<dyn Future<Output = Result<(), hyper::Error>> + Send>>;

/// Connects, sends `request`, and answers what comes back.
pub(super) async fn exchange(
    endpoint: &Endpoint,
    request: Request<RequestBody>,
) -> Result<Response<Body>, ClientError> {
    let stream = tokio::time::timeout(CONNECT, connect(endpoint))
        .await
        .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)))
        .map_err(|source| ClientError::Connect {
            endpoint: Box::new(endpoint.clone()),
            source,
        })?;
    send(stream, request).await.map_err(ClientError::Exchange)
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

async fn connect(endpoint: &Endpoint) -> io::Result<Box<dyn Io>> {
    Ok(match endpoint {
        Endpoint::Unix(path) => Box::new(UnixStream::connect(path).await?),
        Endpoint::Http { host, port } => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            Box::new(TcpStream::connect((host, *port)).await?)
        }
    })
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
