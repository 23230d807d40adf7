//! Finds out when an instance can take requests.
//!
//! A program does not say when it listens, so it is tried. Its exit and the deadline end the trying. The connection
//! with which that was found out can carry the first request: a program that takes connections one by one, or makes a
//! thread for each, would have to take another one first.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use coracle_sandbox::{Exit, Sandbox};
use coracle_spec::revision::Health;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout, timeout_at};

const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
/// The share of the time so far that is paused before what is not well yet is asked again.
const SHARE: u32 = 50;

/// What to try, and for how long.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    /// Where the program is told to listen.
    pub(crate) port: u16,
    /// Where another program has to listen too, which requests are led to.
    pub(crate) behind: Option<u16>,
    /// How it shows that it is ready.
    pub(crate) health: Health,
}

/// Why an instance is not ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotReady {
    /// The program ended.
    Exited(Exit),
    /// Its sandbox was lost, with the keeper: that says nothing of the program.
    Lost,
    /// Nobody listens on the port; somebody may on others.
    NoListener {
        /// The port that was tried.
        port: u16,
        /// Where the program listens instead.
        instead: Vec<u16>,
        /// For how long it was tried.
        waited: Duration,
    },
    /// The program listens, but the one that it leads requests to does not.
    NobodyBehind {
        /// The port that was tried.
        port: u16,
        /// For how long it was tried.
        waited: Duration,
    },
    /// The program listens, but its health path did not answer well.
    Unhealthy {
        /// The path.
        path: String,
        /// What the last try gave.
        last: String,
        /// For how long it was tried.
        waited: Duration,
    },
}

impl Probe {
    /// Waits until the instance is ready, has ended, or has used up its grace. Answers a connection that was not used
    /// yet, if there is one.
    pub(crate) async fn wait(&self, sandbox: &Arc<dyn Sandbox>) -> Result<Option<TcpStream>, NotReady> {
        let grace = self.health.grace.duration();
        let mut last = None;
        let trying = async {
            tokio::select! {
                exit = sandbox.wait() => Err(exit.map_or(NotReady::Lost, NotReady::Exited)),
                unused = self.try_until_ready(sandbox, &mut last) => Ok(unused),
            }
        };
        match timeout_at(Instant::now() + grace, trying).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.too_late(sandbox, last).await),
        }
    }

    /// Answers whether there is more to tell than that the port accepts connections.
    pub(crate) fn tells_health(&self) -> bool {
        self.health.path.is_some()
    }

    /// Checks once; fails with what was found.
    pub(crate) async fn check(&self, sandbox: &Arc<dyn Sandbox>) -> Result<(), String> {
        match sandbox.dial(self.port).await {
            Ok(stream) => self.ask(stream).await.map(drop),
            Err(_) => Err(format!("nothing listens on port {}", self.port)),
        }
    }

    /// Notes in `last` what was wrong with what listens.
    async fn try_until_ready(
        &self,
        sandbox: &Arc<dyn Sandbox>,
        last: &mut Option<String>,
    ) -> Option<TcpStream> {
        if let Some(port) = self.behind {
            sandbox.dial_once_listening(port).await;
        }
        let began = Instant::now();
        loop {
            let stream = sandbox.dial_once_listening(self.port).await;
            match self.ask(stream).await {
                Ok(unused) => return unused,
                Err(why) => *last = Some(why),
            }
            sleep((began.elapsed() / SHARE).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)).await;
        }
    }

    /// Asks what listens whether it is well, if it can be asked; answers the connection if it was not used for that.
    async fn ask(&self, stream: TcpStream) -> Result<Option<TcpStream>, String> {
        let Some(path) = &self.health.path else {
            return Ok(Some(stream));
        };
        match timeout(self.health.timeout.duration(), status(stream, path)).await {
            Ok(Ok(status)) if status < 400 => Ok(None),
            Ok(Ok(status)) => Err(format!("status {status}")),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {}", self.health.timeout)),
        }
    }

    async fn too_late(&self, sandbox: &Arc<dyn Sandbox>, last: Option<String>) -> NotReady {
        let waited = self.health.grace.duration();
        match (last, &self.health.path, self.behind) {
            (Some(last), Some(path), _) => NotReady::Unhealthy {
                path: path.clone(),
                last,
                waited,
            },
            (_, _, Some(port)) if sandbox.dial(self.port).await.is_ok() => {
                NotReady::NobodyBehind { port, waited }
            }
            _ => NotReady::NoListener {
                port: self.port,
                instead: self.elsewhere(sandbox).await,
                waited,
            },
        }
    }

    async fn elsewhere(&self, sandbox: &Arc<dyn Sandbox>) -> Vec<u16> {
        let listening = sandbox.listening().await.unwrap_or_default();
        let mut ports: Vec<u16> = listening.iter().map(|socket| socket.address.port()).collect();
        ports.retain(|port| *port != self.port);
        ports.sort_unstable();
        ports.dedup();
        ports
    }
}

/// Asks for `path` on a connection of its own and answers the status.
async fn status(stream: TcpStream, path: &str) -> Result<u16, hyper::Error> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut request = hyper::Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = path.parse().unwrap_or_else(|_| hyper::Uri::from_static("/"));
    request.headers_mut().insert(
        hyper::header::HOST,
        hyper::header::HeaderValue::from_static("localhost"),
    );
    let answer = sender.send_request(request);
    tokio::select! {
        response = answer => response.map(|response| response.status().as_u16()),
        Err(error) = connection => Err(error),
    }
}

#[cfg(test)]
mod tests;
