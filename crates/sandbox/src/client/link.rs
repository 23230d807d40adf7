//! The connection to one keeper, for as long as that lives.
//!
//! One task owns the socket. It hands replies to those who asked, and the end of a sandbox to those who wait for it.
//! When the socket closes, everybody is told that the keeper is lost.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use coracle_spec::{Class, Failure};
use coracle_tasks::Tasks;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe;
use tokio::sync::{mpsc, oneshot, watch};

use super::kept::Kept;
use crate::error::Refusal;
use crate::id::SandboxId;
use crate::sandbox::Exit;
use crate::spec::SandboxSpec;
use crate::wire::{Answer, Connection, Event, Operation, Received, Request, VERSION, WireError};

/// How many requests may wait to be sent.
const QUEUE: usize = 1024;
/// How long the keeper may take to answer. It has shorter deadlines for everything that it does itself.
const ANSWER_DEADLINE: Duration = Duration::from_mins(2);

/// Why there is no keeper.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// It cannot be started.
    #[error("cannot start the keeper")]
    Start(#[source] io::Error),
    /// The program that was to be the keeper is none.
    #[error("the keeper did not start: {0}")]
    NotAKeeper(ExitStatus),
    /// One that listens cannot be reached.
    #[error("cannot connect to the keeper")]
    Connect(#[source] io::Error),
    /// The conversation failed.
    #[error("cannot talk to the keeper")]
    Wire(#[from] WireError),
    /// It cannot work here.
    #[error("cannot keep sandboxes here")]
    Unable(#[source] Refusal),
    /// It is of another version.
    #[error("the keeper that runs speaks version {theirs} of the protocol, this program version {VERSION}")]
    Version {
        /// Its version.
        theirs: u32,
    },
    /// It does not answer.
    #[error("the keeper did not answer within {} s", .0.as_secs())]
    Silent(Duration),
    /// It is gone, and its sandboxes with it.
    #[error("the keeper is gone, and its sandboxes with it")]
    Lost,
    /// It does not end.
    #[error("the keeper does not end")]
    Lingers,
    /// It answers what was not asked.
    #[error("the keeper answered what was not asked")]
    Confused,
}

impl Failure for KeeperError {
    fn class(&self) -> Class {
        match self {
            Self::Unable(refusal) => refusal.class(),
            Self::Silent(_) | Self::Lost | Self::Connect(_) | Self::Version { .. } => Class::Unavailable,
            _ => Class::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unable(refusal) => refusal.hint(),
            Self::Lost => Some("try again: a new keeper is started with the next sandbox".to_owned()),
            _ => None,
        }
    }
}

/// How it went with a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Its program ended.
    Exited(Exit),
    /// The keeper was lost.
    Lost,
}

/// Is told how it went, once it has.
pub(super) type Endings = watch::Receiver<Option<Ending>>;

/// A reply with what came along.
pub(super) struct Reply {
    pub(super) answer: Answer,
    pub(super) descriptors: Vec<OwnedFd>,
    found: Vec<Found>,
}

/// A sandbox that was there before.
pub(super) struct Found {
    pub(super) spec: Box<SandboxSpec>,
    pub(super) kept: Kept,
    pub(super) started: bool,
}

type Waiting = oneshot::Sender<Result<Reply, Refusal>>;

/// The connection.
pub(super) struct Link {
    keeper: u32,
    requests: mpsc::Sender<(Request, Waiting)>,
    numbers: AtomicU64,
    endings: Arc<Mutex<HashMap<SandboxId, watch::Sender<Option<Ending>>>>>,
    gone: watch::Receiver<bool>,
}

impl Link {
    /// Hears the keeper's first words, and starts the task.
    pub(super) async fn establish(
        socket: OwnedFd,
        tasks: &Tasks,
        deadline: Duration,
    ) -> Result<Arc<Self>, KeeperError> {
        rustix::io::ioctl_fionbio(&socket, true).map_err(|errno| KeeperError::Connect(errno.into()))?;
        #[expect(
            deprecated,
            reason = "the other way is unsafe; a connection owns its socket and keeps it"
        )]
        let mut socket = AsyncFd::new(Connection::new(socket)).map_err(KeeperError::Connect)?;
        let hello = tokio::time::timeout(deadline, next_event(&mut socket)).await;
        let hello = hello.map_err(|_| KeeperError::Silent(deadline))??;
        let (keeper, alive) = understand(hello)?;
        let (requests, queue) = mpsc::channel(QUEUE);
        let endings = Arc::default();
        let (say_gone, gone) = watch::channel(false);
        let conversation = Conversation {
            socket,
            queue,
            pending: HashMap::new(),
            found: Vec::new(),
            endings: Arc::clone(&endings),
        };
        tasks.spawn("keeper link", conversation.run());
        tasks.spawn("keeper's end", async move {
            await_end(alive).await;
            say_gone.send_replace(true);
        });
        Ok(Arc::new(Self {
            keeper,
            requests,
            numbers: AtomicU64::new(0),
            endings,
            gone,
        }))
    }

    /// Answers the keeper's process.
    pub(super) fn keeper_pid(&self) -> u32 {
        self.keeper
    }

    /// Answers whether the keeper is lost.
    pub(super) fn is_lost(&self) -> bool {
        self.requests.is_closed()
    }

    /// Waits until the keeper and what it kept are gone.
    pub(super) async fn gone(&self) {
        // An error means that the task which would tell was ended: this process is ending.
        let _ = self.gone.clone().wait_for(|gone| *gone).await;
    }

    /// Asks, and waits for the reply.
    pub(super) async fn request(&self, operation: Operation) -> Result<Reply, Refusal> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let (waiting, reply) = oneshot::channel();
        let sent = self.requests.send((Request { number, operation }, waiting)).await;
        let lost = || Refusal::of(&KeeperError::Lost);
        sent.map_err(|_| lost())?;
        match tokio::time::timeout(ANSWER_DEADLINE, reply).await {
            Ok(reply) => reply.unwrap_or_else(|_| Err(lost())),
            Err(_) => Err(Refusal::of(&KeeperError::Silent(ANSWER_DEADLINE))),
        }
    }

    /// Answers the sandboxes that are there.
    pub(super) async fn list(&self) -> Result<Vec<Found>, KeeperError> {
        self.request(Operation::List)
            .await
            .map(|reply| reply.found)
            .map_err(KeeperError::Unable)
    }

    /// Begins to watch a sandbox that is to be created.
    pub(super) fn register(&self, id: &SandboxId) -> Endings {
        let (sender, receiver) = watch::channel(None);
        lock(&self.endings).entry(id.clone()).or_insert(sender);
        // Of two with the same name, the keeper refuses one, and nobody looks at what this one hears.
        receiver
    }

    /// Watches a sandbox that was found.
    pub(super) fn subscribe(&self, id: &SandboxId) -> Endings {
        lock(&self.endings)
            .entry(id.clone())
            .or_insert_with(|| watch::channel(None).0)
            .subscribe()
    }

    /// Watches it no longer; what another watches under the same name stays.
    pub(super) fn forget(&self, id: &SandboxId, endings: &Endings) {
        let mut all = lock(&self.endings);
        if all
            .get(id)
            .is_some_and(|sender| sender.subscribe().same_channel(endings))
        {
            all.remove(id);
        }
    }
}

type EndingMap = HashMap<SandboxId, watch::Sender<Option<Ending>>>;

fn lock(endings: &Mutex<EndingMap>) -> std::sync::MutexGuard<'_, EndingMap> {
    endings.lock().unwrap_or_else(PoisonError::into_inner)
}

fn understand(hello: Received<Event>) -> Result<(u32, OwnedFd), KeeperError> {
    match (hello.message, hello.descriptors.into_iter().next()) {
        (
            Event::Hello {
                version: VERSION,
                pid,
            },
            Some(alive),
        ) => Ok((pid, alive)),
        (Event::Hello { version, .. }, _) => Err(KeeperError::Version { theirs: version }),
        (Event::Unable(refusal), _) => Err(KeeperError::Unable(refusal)),
        _ => Err(KeeperError::Confused),
    }
}

async fn next_event(socket: &mut AsyncFd<Connection>) -> Result<Received<Event>, KeeperError> {
    loop {
        let mut ready = socket.readable_mut().await.map_err(KeeperError::Connect)?;
        match ready.get_inner_mut().receive()? {
            Some(event) => return Ok(event),
            None => ready.clear_ready(),
        }
    }
}

/// Reads a pipe that nobody writes to, until nobody holds its other end.
async fn await_end(alive: OwnedFd) {
    let Ok(receiver) = pipe::Receiver::from_owned_fd(alive) else {
        return;
    };
    while receiver.readable().await.is_ok() {
        match receiver.try_read(&mut [0]) {
            Ok(1) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            _ => return,
        }
    }
}

/// What the task owns.
struct Conversation {
    socket: AsyncFd<Connection>,
    queue: mpsc::Receiver<(Request, Waiting)>,
    pending: HashMap<u64, Waiting>,
    found: Vec<Found>,
    endings: Arc<Mutex<EndingMap>>,
}

impl Conversation {
    async fn run(mut self) {
        let error = loop {
            if let Err(error) = self.step().await {
                break error;
            }
        };
        tracing::debug!(%error, "the keeper is lost");
    }

    async fn step(&mut self) -> Result<(), WireError> {
        let interest = if self.socket.get_ref().has_backlog() {
            Interest::READABLE | Interest::WRITABLE
        } else {
            Interest::READABLE
        };
        tokio::select! {
            ready = self.socket.ready_mut(interest) => {
                let mut ready = ready?;
                let connection = ready.get_inner_mut();
                connection.flush()?;
                let mut events = Vec::new();
                while let Some(event) = connection.receive()? {
                    events.push(event);
                }
                ready.clear_ready();
                for event in events {
                    self.take(event);
                }
            }
            request = self.queue.recv() => {
                let Some((request, waiting)) = request else { return Err(WireError::Closed) };
                self.pending.insert(request.number, waiting);
                let connection = self.socket.get_mut();
                connection.push(&request, Vec::new())?;
                connection.flush()?;
            }
        }
        Ok(())
    }

    fn take(&mut self, event: Received<Event>) {
        let descriptors = event.descriptors;
        match event.message {
            Event::Reply { number, answer } => {
                let found = std::mem::take(&mut self.found);
                // Who asked may have left.
                if let Some(waiting) = self.pending.remove(&number) {
                    let _ = waiting.send(answer.map(|answer| Reply {
                        answer,
                        descriptors,
                        found,
                    }));
                }
            }
            Event::Found {
                spec,
                pid,
                started,
                exit,
            } => {
                if let Some(exit) = exit {
                    self.end(&spec.id, exit);
                }
                if let Ok(kept) = Kept::new(pid, descriptors) {
                    self.found.push(Found { spec, kept, started });
                }
            }
            Event::Exited(id, exit) => self.end(&id, exit),
            Event::Warning(warning) => tracing::warn!("{warning}"),
            Event::Hello { .. } | Event::Unable(_) => {}
        }
    }

    fn end(&self, id: &SandboxId, exit: Exit) {
        lock(&self.endings)
            .entry(id.clone())
            .or_insert_with(|| watch::channel(None).0)
            .send_replace(Some(Ending::Exited(exit)));
    }
}

impl Drop for Conversation {
    /// Also when the task was ended from outside.
    fn drop(&mut self) {
        for ending in lock(&self.endings).values() {
            ending.send_if_modified(|ending| {
                let open = ending.is_none();
                if open {
                    *ending = Some(Ending::Lost);
                }
                open
            });
        }
    }
}
