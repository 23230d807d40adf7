//! An instance: one running sandbox of one revision.

mod state;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use coracle_gateway::{DialError, InstanceId, Io, Upstream};
use coracle_sandbox::{Exit, Sandbox};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;

pub use state::State;

use crate::image::PreparedImage;

/// How many of the last lines are kept to explain a failure.
const KEPT_LINES: usize = 30;

/// One running sandbox of one revision.
pub(crate) struct Instance {
    id: InstanceId,
    revision: u64,
    port: u16,
    sandbox: Arc<dyn Sandbox>,
    /// Kept from collection while this lives.
    image: Arc<PreparedImage>,
    state: watch::Sender<State>,
    /// How long it may take to end, once it was told to.
    dismissed: watch::Sender<Option<Duration>>,
    exit: OnceLock<Exit>,
    born: Instant,
    said: Mutex<VecDeque<String>>,
    /// A connection that nothing was sent over yet, for the request that waits for this.
    first: Mutex<Option<TcpStream>>,
}

impl Instance {
    /// Makes a starting instance of a sandbox.
    pub(crate) fn new(
        revision: u64,
        port: u16,
        sandbox: Arc<dyn Sandbox>,
        image: Arc<PreparedImage>,
    ) -> Self {
        Self {
            id: sandbox.id().as_str().into(),
            revision,
            port,
            sandbox,
            image,
            state: watch::Sender::new(State::Starting),
            dismissed: watch::Sender::new(None),
            exit: OnceLock::new(),
            born: Instant::now(),
            said: Mutex::default(),
            first: Mutex::default(),
        }
    }

    /// Answers its name.
    pub(crate) fn id(&self) -> &InstanceId {
        &self.id
    }

    /// Answers the number of its revision.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Answers what it is made of.
    pub(crate) fn image(&self) -> &PreparedImage {
        &self.image
    }

    /// Answers where its program was told to listen.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Answers where it is in its life.
    pub(crate) fn state(&self) -> State {
        *self.state.borrow()
    }

    /// Answers when it was made.
    pub(crate) fn born(&self) -> Instant {
        self.born
    }

    /// Answers how its program ended, if it has.
    pub(crate) fn exit(&self) -> Option<Exit> {
        self.exit.get().copied()
    }

    pub(crate) fn sandbox(&self) -> &Arc<dyn Sandbox> {
        &self.sandbox
    }

    /// Enters `next` if that is possible from where it is. Answers whether it was.
    pub(crate) fn enter(&self, next: State) -> bool {
        self.state.send_if_modified(|state| {
            let may = state.may_become(next);
            if may {
                *state = next;
            }
            may
        })
    }

    /// Tells it to end within `grace`; whoever attends to it does that. The first call counts.
    pub(crate) fn dismiss(&self, grace: Duration) {
        self.dismissed.send_if_modified(|dismissed| {
            let first = dismissed.is_none();
            dismissed.get_or_insert(grace);
            first
        });
    }

    /// Waits until it is told to end; answers how long it may take.
    pub(crate) async fn dismissed(&self) -> Duration {
        let mut dismissed = self.dismissed.subscribe();
        match dismissed.wait_for(Option::is_some).await {
            Ok(grace) => grace.unwrap_or_default(),
            Err(_) => Duration::ZERO,
        }
    }

    /// Answers whether it was told to end.
    pub(crate) fn is_dismissed(&self) -> bool {
        self.dismissed.borrow().is_some()
    }

    /// Notes how its program ended.
    pub(crate) fn exited(&self, exit: Exit) {
        let _ = self.exit.set(exit);
    }

    /// Waits until it is gone, with everything it printed heard.
    pub(crate) async fn gone(&self) {
        let _ = self
            .state
            .subscribe()
            .wait_for(|state| *state == State::Gone)
            .await;
    }

    /// Keeps a connection for the first request.
    pub(crate) fn keep_first(&self, stream: TcpStream) {
        *self.lock_first() = Some(stream);
    }

    /// Takes the connection that was kept, if nobody has.
    pub(crate) fn take_first(&self) -> Option<TcpStream> {
        self.lock_first().take()
    }

    fn lock_first(&self) -> MutexGuard<'_, Option<TcpStream>> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a line that it printed.
    pub(crate) fn heard(&self, line: &str) {
        let mut said = self.lock_said();
        if said.len() == KEPT_LINES {
            said.pop_front();
        }
        said.push_back(line.to_owned());
    }

    /// Answers what it printed last, the oldest line first.
    pub(crate) fn last_lines(&self) -> Vec<String> {
        self.lock_said().iter().cloned().collect()
    }

    fn lock_said(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Upstream for Instance {
    async fn dial(&self) -> Result<Box<dyn Io>, DialError> {
        if let Some(first) = self.take_first() {
            return Ok(Box::new(first));
        }
        match self.sandbox.dial(self.port).await {
            Ok(stream) => {
                stream.set_nodelay(true).map_err(DialError::Io)?;
                Ok(Box::new(stream))
            }
            Err(_) if self.exit().is_some() => Err(DialError::Gone {
                detail: self.exit().map(|exit| exit.to_string()),
            }),
            Err(_) => Err(DialError::NotListening {
                port: self.port,
                found: self.found().await,
            }),
        }
    }
}

impl Instance {
    /// Says where it listens instead.
    async fn found(&self) -> Option<String> {
        let listening = self.sandbox.listening().await.unwrap_or_default();
        let places: Vec<String> = listening
            .iter()
            .map(|socket| socket.address.to_string())
            .collect();
        (!places.is_empty()).then(|| format!("it listens on {}", places.join(", ")))
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Instance({}, {})", self.id, self.state())
    }
}
