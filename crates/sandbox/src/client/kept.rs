//! One sandbox of the keeper's.

use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use coracle_netns::{Dialer, Netns, listening_of_process};
use coracle_spec::{Class, Cpu, Failure};
use tokio::net::TcpStream;
use tokio::net::unix::pipe;
use tokio::time::Instant;

use super::link::{Ending, Endings, KeeperError, Link};
use crate::error::{Refusal, SandboxError, StartError};
use crate::id::SandboxId;
use crate::sandbox::{Exit, Listening, Output, Sandbox};
use crate::spec::SandboxSpec;
use crate::wire::Operation;

/// How long a connection to a sandbox may take: within one machine, what takes longer does not answer.
const DIAL_DEADLINE: Duration = Duration::from_secs(5);
/// How long the same sockets are used to find out whether somebody listens.
const KNOCK_DEADLINE: Duration = Duration::from_mins(1);
/// How long to pause when finding out failed: for want of descriptors, say.
const AFTER_AN_ERROR: Duration = Duration::from_millis(20);

/// What the keeper hands over of a sandbox.
#[derive(Debug)]
pub(super) struct Kept {
    pid: u32,
    pidfd: OwnedFd,
    netns: Netns,
    output: Output,
}

impl Kept {
    /// Takes the descriptors in the order in which they come.
    pub(super) fn new(pid: u32, descriptors: Vec<OwnedFd>) -> Result<Self, Refusal> {
        let confused = || Refusal::of(&KeeperError::Confused);
        let [pidfd, netns, stdout, stderr] = <[OwnedFd; 4]>::try_from(descriptors).map_err(|_| confused())?;
        let receiver = |descriptor| pipe::Receiver::from_owned_fd(descriptor).map_err(|_| confused());
        let output = Output {
            stdout: receiver(stdout)?,
            stderr: receiver(stderr)?,
        };
        Ok(Self {
            pid,
            pidfd,
            netns: Netns::from(netns),
            output,
        })
    }
}

/// What is remembered of a sandbox's specification.
#[derive(Debug)]
pub(super) struct Named {
    id: SandboxId,
    program: String,
    stop_signal: i32,
}

impl Named {
    pub(super) fn of(spec: &SandboxSpec) -> Self {
        Self {
            id: spec.id.clone(),
            program: spec.process.args.first().cloned().unwrap_or_default(),
            stop_signal: spec.process.stop_signal,
        }
    }
}

/// A sandbox of the keeper's.
pub struct KeptSandbox {
    id: SandboxId,
    program: String,
    stop_signal: i32,
    pid: u32,
    pidfd: OwnedFd,
    netns: Netns,
    output: Mutex<Option<Output>>,
    ending: Endings,
    link: Arc<Link>,
    dialer: Dialer,
}

impl KeptSandbox {
    pub(super) fn new(named: Named, kept: Kept, ending: Endings, link: Arc<Link>, dialer: Dialer) -> Self {
        let Kept {
            pid,
            pidfd,
            netns,
            output,
        } = kept;
        let Named {
            id,
            program,
            stop_signal,
        } = named;
        Self {
            id,
            program,
            stop_signal,
            pid,
            pidfd,
            netns,
            output: Mutex::new(Some(output)),
            ending,
            link,
            dialer,
        }
    }

    async fn ask(&self, action: &'static str, operation: Operation) -> Result<(), SandboxError> {
        self.link
            .request(operation)
            .await
            .map(|_| ())
            .map_err(|source| self.error(action, source))
    }

    fn error(&self, action: &'static str, source: Refusal) -> SandboxError {
        SandboxError {
            action,
            id: self.id.clone(),
            source,
        }
    }

    fn failed(&self, action: &'static str, error: &impl Failure) -> SandboxError {
        self.error(action, Refusal::of(error))
    }

    /// Asks the program to end, as far as that is possible, and waits for `grace`.
    async fn ask_to_end(&self, grace: Duration) -> Option<Exit> {
        // A program that was not started has nothing to end; a keeper that is lost shows in the wait.
        self.signal(self.stop_signal).await.ok()?;
        tokio::time::timeout(grace, self.wait()).await.ok()?.ok()
    }

    /// The number of a process that has ended may be another's.
    fn is_alive(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        poll(&mut [PollFd::new(&self.pidfd, PollFlags::IN)], Some(&now)) == Ok(0)
    }
}

#[async_trait]
impl Sandbox for KeptSandbox {
    fn id(&self) -> &SandboxId {
        &self.id
    }

    async fn start(&self) -> Result<(), StartError> {
        let started = self.link.request(Operation::Start(self.id.clone())).await;
        started.map(|_| ()).map_err(|source| StartError {
            id: self.id.clone(),
            program: self.program.clone(),
            source,
        })
    }

    async fn signal(&self, signal: i32) -> Result<(), SandboxError> {
        self.ask("signal", Operation::Signal(self.id.clone(), signal))
            .await
    }

    async fn stop(&self, grace: Duration) -> Result<Exit, SandboxError> {
        // Fails for one that is over.
        let _ = self.thaw().await;
        if let Some(exit) = self.ask_to_end(grace).await {
            return Ok(exit);
        }
        if self.ending.borrow().is_none() {
            self.ask("kill", Operation::Kill(self.id.clone())).await?;
        }
        self.wait().await
    }

    async fn wait(&self) -> Result<Exit, SandboxError> {
        let mut ending = self.ending.clone();
        let ended = ending.wait_for(Option::is_some).await.map(|ending| *ending);
        match ended {
            Ok(Some(Ending::Exited(exit))) => Ok(exit),
            _ => Err(self.failed("wait for", &KeeperError::Lost)),
        }
    }

    async fn freeze(&self) -> Result<(), SandboxError> {
        self.ask("freeze", Operation::Freeze(self.id.clone())).await
    }

    async fn thaw(&self) -> Result<(), SandboxError> {
        self.ask("thaw", Operation::Thaw(self.id.clone())).await
    }

    async fn limit_cpu(&self, cpu: Cpu) -> Result<(), SandboxError> {
        self.ask("limit", Operation::LimitCpu(self.id.clone(), cpu)).await
    }

    fn output(&self) -> Option<Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn network(&self) -> Option<Netns> {
        Some(self.netns.clone())
    }

    async fn dial(&self, port: u16) -> Result<TcpStream, SandboxError> {
        let dialed = self
            .dialer
            .connect(&self.netns, port, Instant::now() + DIAL_DEADLINE)
            .await;
        dialed.map_err(|error| self.failed("dial", &error))
    }

    async fn dial_once_listening(&self, port: u16) -> TcpStream {
        loop {
            let deadline = Instant::now() + KNOCK_DEADLINE;
            let dialed = self.dialer.connect_once_listening(&self.netns, port, deadline);
            match dialed.await {
                Ok(stream) => return stream,
                Err(error) => tracing::debug!(id = %self.id, %error, "nobody listens yet"),
            }
            tokio::time::sleep(AFTER_AN_ERROR).await;
        }
    }

    async fn listening(&self) -> Result<Vec<Listening>, SandboxError> {
        let sockets = listening_of_process(self.pid).ok().filter(|_| self.is_alive());
        let sockets = sockets.ok_or_else(|| self.failed("look into", &Over))?;
        // Sockets of this process's own user are the services that it offers in there: inside, nobody is that user.
        let own = rustix::process::geteuid().as_raw();
        let theirs = sockets.into_iter().filter(|socket| socket.uid != own);
        Ok(theirs
            .map(|socket| Listening {
                address: socket.address,
            })
            .collect())
    }

    async fn remove(&self) -> Result<(), SandboxError> {
        let removed = self.ask("remove", Operation::Remove(self.id.clone())).await;
        self.link.forget(&self.id, &self.ending);
        removed
    }
}

impl fmt::Debug for KeptSandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptSandbox")
            .field("id", &self.id)
            .field("pid", &self.pid)
            .finish_non_exhaustive()
    }
}

/// The sandbox is over.
#[derive(Debug, thiserror::Error)]
#[error("its program has ended")]
struct Over;

impl Failure for Over {
    fn class(&self) -> Class {
        Class::Conflict
    }
}
