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
        match (last, &self.health.path) {
            (Some(last), Some(path)) => NotReady::Unhealthy {
                path: path.clone(),
                last,
                waited,
            },
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
mod tests {
    use coracle_sandbox::{Limits, Network, Process, Profile, SandboxSpec, Sandboxes, Upper};
    use coracle_spec::{ByteSize, Span};
    use coracle_testkit::{FakeSandboxes, Program, Said, answering};

    use super::*;

    /// The grace of what gets ready however slow the machine is, or is told when it is over.
    const PATIENT: Duration = Duration::from_hours(1);
    /// The grace of what never gets ready.
    const HASTY: Duration = Duration::from_millis(50);

    /// Answers whether an unused connection is left.
    async fn probed(program: Program, path: Option<&str>, grace: Duration) -> Result<bool, NotReady> {
        let sandbox = FakeSandboxes::running(program).create(spec()).await.unwrap();
        sandbox.start().await.unwrap();
        let health = Health {
            path: path.map(str::to_owned),
            grace: Span(grace),
            ..Health::default()
        };
        let unused = Probe { port: 8080, health }.wait(&sandbox).await;
        unused.map(|stream| stream.is_some())
    }

    fn spec() -> SandboxSpec {
        SandboxSpec {
            id: "probed".parse().unwrap(),
            profile: Profile::Run,
            lowers: Vec::new(),
            upper: Upper::Tmpfs {
                size: ByteSize::mebibytes(1),
            },
            mounts: Vec::new(),
            files: Vec::new(),
            directories: Vec::new(),
            made: Vec::new(),
            process: Process {
                env: [("PORT".to_owned(), "8080".to_owned())].into(),
                ..Process::default()
            },
            limits: Limits {
                memory: None,
                cpu: None,
                pids: 10,
            },
            network: Network::None,
            hostname: "probed".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_port_that_accepts_is_ready_and_the_connection_is_left() {
        assert_eq!(probed(Program::greeting("hi"), None, PATIENT).await, Ok(true));
    }

    #[tokio::test]
    async fn a_health_path_decides_when_there_is_one() {
        let (asked, mut ill) = tokio::sync::mpsc::unbounded_channel();
        let program = Program::serving(move |_, request| {
            let is_well = request.uri().path() == "/healthz";
            if !is_well {
                let _ = asked.send(());
            }
            Box::pin(async move { answering(if is_well { 204 } else { 404 }, "") })
        });
        let well = probed(program.clone(), Some("/healthz"), PATIENT).await;
        assert_eq!(well, Ok(false));
        let grace_ends = async {
            // Whoever asks again has heard the first answer.
            for _ in 0..2 {
                ill.recv().await.unwrap();
            }
            tokio::time::pause();
            tokio::time::advance(PATIENT).await;
        };
        let (ill, ()) = tokio::join!(probed(program, Some("/other"), PATIENT), grace_ends);
        let Err(NotReady::Unhealthy { last, .. }) = ill else {
            panic!("a path that answers 404 counts as ready");
        };
        assert_eq!(last, "status 404");
    }

    #[tokio::test]
    async fn a_program_that_listens_elsewhere_is_told_where() {
        let Err(NotReady::NoListener {
            port: 8080, instead, ..
        }) = probed(Program::listening_on(3000), None, HASTY).await
        else {
            panic!("another port counts as ready");
        };
        assert_eq!(instead, [3000]);
    }

    #[tokio::test]
    async fn a_program_that_ends_is_not_waited_for() {
        let health = Health {
            grace: Span::seconds(3600),
            ..Health::default()
        };
        let sandbox = FakeSandboxes::running(Program::failing(3, "boom"))
            .create(spec())
            .await
            .unwrap();
        sandbox.start().await.unwrap();
        let outcome = Probe { port: 8080, health }.wait(&sandbox).await;
        assert_eq!(outcome.unwrap_err(), NotReady::Exited(Exit::Code(3)));
    }

    #[tokio::test]
    async fn a_program_that_listens_nowhere_uses_up_its_grace() {
        let outcome = probed(
            Program::Idle {
                said: Said::default(),
            },
            None,
            HASTY,
        )
        .await;
        assert!(matches!(outcome, Err(NotReady::NoListener { instead, .. }) if instead.is_empty()));
    }
}
