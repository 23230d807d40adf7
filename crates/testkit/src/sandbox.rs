//! A sandbox that is an HTTP server on loopback.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use coracle_sandbox::{
    Exit, Listening, Output, Refusal, Sandbox, SandboxError, SandboxId, SandboxSpec, StartError,
};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::program::{Handler, Program, Said};

/// A sandbox that is an HTTP server on loopback.
pub struct FakeSandbox {
    spec: SandboxSpec,
    program: Program,
    this: Weak<FakeSandbox>,
    life: watch::Sender<Life>,
    listening: Mutex<HashMap<u16, SocketAddr>>,
    signals: Mutex<Vec<i32>>,
    output: Mutex<Option<Output>>,
    pipes: Mutex<Option<(pipe::Sender, pipe::Sender)>>,
    end: CancellationToken,
    connections: AtomicUsize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Created,
    Running,
    Exited(Exit),
    Removed,
}

impl FakeSandbox {
    pub(crate) fn new(spec: SandboxSpec, program: Program) -> Arc<Self> {
        let (stdout, stdout_reader) = pipe::pipe().expect("a pipe");
        let (stderr, stderr_reader) = pipe::pipe().expect("a pipe");
        Arc::new_cyclic(|this| Self {
            spec,
            program,
            this: this.clone(),
            life: watch::Sender::new(Life::Created),
            listening: Mutex::default(),
            signals: Mutex::default(),
            output: Mutex::new(Some(Output {
                stdout: stdout_reader,
                stderr: stderr_reader,
            })),
            pipes: Mutex::new(Some((stdout, stderr))),
            end: CancellationToken::new(),
            connections: AtomicUsize::new(0),
        })
    }

    /// Answers what it was made of.
    pub fn spec(&self) -> &SandboxSpec {
        &self.spec
    }

    /// Answers the signals that were sent to it.
    pub fn signals(&self) -> Vec<i32> {
        lock(&self.signals).clone()
    }

    /// Answers how many connections to it were made.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Answers whether its program runs.
    pub fn is_running(&self) -> bool {
        *self.life.borrow() == Life::Running
    }

    /// Answers whether it was removed.
    pub fn is_removed(&self) -> bool {
        *self.life.borrow() == Life::Removed
    }

    /// Waits until it was removed.
    pub async fn removed(&self) {
        let _ = self
            .life
            .subscribe()
            .wait_for(|life| *life == Life::Removed)
            .await;
    }

    /// Ends its program, as a crash would.
    pub fn crash(&self, exit: Exit) {
        self.end.cancel();
        lock(&self.listening).clear();
        lock(&self.pipes).take();
        self.life.send_if_modified(|life| {
            let alive = matches!(life, Life::Running | Life::Created);
            if alive {
                *life = Life::Exited(exit);
            }
            alive
        });
    }

    /// Loses it, as with a keeper that was killed: its program cannot be started any more.
    pub fn lose(&self) {
        self.crash(Exit::Signal(9));
    }

    /// Prints on its standard output; waits while nobody reads.
    pub async fn print(&self, text: &str) {
        self.say(&Said {
            stdout: text.to_owned(),
            ..Said::default()
        })
        .await;
    }

    async fn say(&self, said: &Said) {
        let taken = lock(&self.pipes).take();
        if let Some((mut stdout, mut stderr)) = taken {
            let _ = stdout.write_all(said.stdout.as_bytes()).await;
            let _ = stderr.write_all(said.stderr.as_bytes()).await;
            // One that has crashed meanwhile has none any more.
            if self.is_running() {
                *lock(&self.pipes) = Some((stdout, stderr));
            }
        }
    }

    async fn run(&self) {
        match &self.program {
            Program::Serve { port, said, handler } => {
                self.say(said).await;
                self.serve(port.unwrap_or_else(|| self.told_port()), handler)
                    .await;
            }
            Program::End { said, exit } => {
                self.say(said).await;
                self.crash(*exit);
            }
            Program::Idle { said } => self.say(said).await,
        }
    }

    fn told_port(&self) -> u16 {
        self.spec
            .process
            .env
            .get("PORT")
            .and_then(|port| port.parse().ok())
            .unwrap_or(8080)
    }

    async fn serve(&self, port: u16, handler: &Handler) {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a loopback socket");
        lock(&self.listening).insert(port, listener.local_addr().expect("an address"));
        let accepting = accept(
            listener,
            self.this.upgrade().expect("itself"),
            Arc::clone(handler),
        );
        let end = self.end.clone();
        tokio::spawn(async move { end.run_until_cancelled(accepting).await });
    }

    fn refuse(&self, action: &'static str, message: &str) -> SandboxError {
        SandboxError {
            action,
            id: self.spec.id.clone(),
            source: refusal(message),
        }
    }
}

#[async_trait]
impl Sandbox for FakeSandbox {
    fn id(&self) -> &SandboxId {
        &self.spec.id
    }

    async fn start(&self) -> Result<(), StartError> {
        if *self.life.borrow() != Life::Created {
            let id = self.spec.id.clone();
            let program = self.spec.process.args.join(" ");
            return Err(StartError {
                id,
                program,
                source: refusal("the sandbox is gone"),
            });
        }
        self.life.send_replace(Life::Running);
        self.run().await;
        Ok(())
    }

    async fn signal(&self, signal: i32) -> Result<(), SandboxError> {
        lock(&self.signals).push(signal);
        Ok(())
    }

    async fn stop(&self, _grace: Duration) -> Result<Exit, SandboxError> {
        lock(&self.signals).push(15);
        self.crash(Exit::Signal(15));
        self.wait().await
    }

    async fn wait(&self) -> Result<Exit, SandboxError> {
        let mut life = self.life.subscribe();
        let ended = life
            .wait_for(|life| matches!(life, Life::Exited(_) | Life::Removed))
            .await;
        match ended.map(|life| *life) {
            Ok(Life::Exited(exit)) => Ok(exit),
            _ => Ok(Exit::Signal(9)),
        }
    }

    async fn freeze(&self) -> Result<(), SandboxError> {
        Ok(())
    }

    async fn thaw(&self) -> Result<(), SandboxError> {
        Ok(())
    }

    fn output(&self) -> Option<Output> {
        lock(&self.output).take()
    }

    async fn dial(&self, port: u16) -> Result<TcpStream, SandboxError> {
        let address = lock(&self.listening).get(&port).copied();
        let address = address.ok_or_else(|| self.refuse("connect to", "connection refused"))?;
        let connected = TcpStream::connect(address).await;
        let stream = connected.map_err(|error| self.refuse("connect to", &error.to_string()))?;
        self.connections.fetch_add(1, Ordering::SeqCst);
        Ok(stream)
    }

    async fn listening(&self) -> Result<Vec<Listening>, SandboxError> {
        let ports: Vec<u16> = lock(&self.listening).keys().copied().collect();
        Ok(ports
            .into_iter()
            .map(|port| Listening {
                address: ([0, 0, 0, 0], port).into(),
            })
            .collect())
    }

    async fn remove(&self) -> Result<(), SandboxError> {
        self.crash(Exit::Signal(9));
        self.life.send_replace(Life::Removed);
        Ok(())
    }
}

impl fmt::Debug for FakeSandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FakeSandbox({}, {:?})", self.spec.id, *self.life.borrow())
    }
}

async fn accept(listener: TcpListener, sandbox: Arc<FakeSandbox>, handler: Handler) {
    while let Ok((stream, _)) = listener.accept().await {
        let (sandbox, handler) = (Arc::clone(&sandbox), Arc::clone(&handler));
        let end = sandbox.end.clone();
        let service = service_fn(move |request| {
            let reply = handler(Arc::clone(&sandbox), request);
            async move { Ok::<_, std::convert::Infallible>(reply.await) }
        });
        let connection =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move { end.run_until_cancelled(connection).await });
    }
}

/// Makes a refusal of a machine that lacks something.
pub(crate) fn refusal(message: &str) -> Refusal {
    Refusal {
        kind: coracle_sandbox::error::Kind::Unavailable,
        message: message.to_owned(),
        hint: None,
        cause: None,
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
