//! The keeper's client: starts a keeper when it first needs one, and finds one that is there.

mod kept;
mod link;
mod start;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use coracle_netns::Dialer;
use coracle_tasks::Tasks;
use tokio::sync::OnceCell;

use crate::error::{CreateError, Refusal};
use crate::sandbox::{Sandbox, Sandboxes};
use crate::spec::SandboxSpec;
use crate::wire::{Answer, Operation};
use kept::{Kept, Named};
use link::Link;

pub use kept::KeptSandbox;
pub use link::KeeperError;

/// How a keeper is started and found.
#[derive(Debug, Clone)]
pub struct KeeperConfig {
    /// The program that becomes the keeper: this one, by `/proc/self/exe`.
    pub program: PathBuf,
    /// What comes before the keeper's own arguments: the hidden verb.
    pub arguments: Vec<OsString>,
    /// A directory for its socket; private to the server, since whoever reaches the socket has its sandboxes.
    pub run_directory: PathBuf,
    /// How long sandboxes outlive their server.
    pub lease: Duration,
    /// How long a keeper may take to start.
    pub start_deadline: Duration,
}

impl KeeperConfig {
    /// Will run this very program with the verb `verb` as the keeper.
    pub fn this_program(verb: &str, run_directory: PathBuf, lease: Duration) -> Self {
        Self {
            program: PathBuf::from("/proc/self/exe"),
            arguments: vec![OsString::from(verb)],
            run_directory,
            lease,
            start_deadline: Duration::from_secs(20),
        }
    }
}

/// Creates sandboxes through the keeper. Cheap to clone.
///
/// The keeper is started with the first sandbox, and again after it was lost. Losing it loses its sandboxes: everything
/// that waits on one of them is told so.
#[derive(Clone)]
pub struct KeeperClient {
    shared: Arc<Shared>,
}

struct Shared {
    config: KeeperConfig,
    tasks: Tasks,
    dialer: Dialer,
    /// The cell in which the keeper at hand is, or is being started: replaced once that one is lost.
    current: Mutex<Arc<OnceCell<Arc<Link>>>>,
}

impl KeeperClient {
    /// Makes a client; nothing is started yet.
    pub fn new(config: KeeperConfig, tasks: Tasks, dialer: Dialer) -> Self {
        Self {
            shared: Arc::new(Shared {
                config,
                tasks,
                dialer,
                current: Mutex::default(),
            }),
        }
    }

    /// Starts the keeper unless one is at hand, to learn early that it cannot work here.
    pub async fn prepare(&self) -> Result<(), KeeperError> {
        self.link().await.map(|_| ())
    }

    /// Answers the process of the keeper that was started or found last, if any was.
    pub fn keeper_pid(&self) -> Option<u32> {
        self.at_hand().map(|link| link.keeper_pid())
    }

    /// Finds a keeper that an earlier server started, and its sandboxes. Answers none when there is no such keeper.
    pub async fn adopt(&self) -> Result<Vec<Adopted>, KeeperError> {
        let Some(socket) = start::find(&self.shared.config).await? else {
            return Ok(Vec::new());
        };
        let deadline = self.shared.config.start_deadline;
        let link = Link::establish(socket, &self.shared.tasks, deadline).await?;
        self.replace(link.clone());
        let found = link.list().await?;
        Ok(found
            .into_iter()
            .map(|found| self.adopted(&link, found))
            .collect())
    }

    /// Ends all sandboxes and the keeper; answers when nothing is left of them, or after `deadline`.
    pub async fn shutdown(&self, deadline: Duration) -> Result<(), KeeperError> {
        let Some(link) = self.at_hand() else { return Ok(()) };
        // A keeper that is lost meanwhile ends as well.
        let _ = link.request(Operation::Shutdown).await;
        tokio::time::timeout(deadline, link.gone())
            .await
            .map_err(|_| KeeperError::Lingers)
    }

    /// Waits until the keeper that was started or found last, and everything that it kept, are gone, however that comes
    /// about.
    pub async fn gone(&self) {
        if let Some(link) = self.at_hand() {
            link.gone().await;
        }
    }

    /// Answers the keeper at hand, also one that was lost.
    fn at_hand(&self) -> Option<Arc<Link>> {
        let current = self.shared.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.get().cloned()
    }

    /// Answers the cell of a keeper that is not lost.
    fn cell(&self) -> Arc<OnceCell<Arc<Link>>> {
        let mut current = self.shared.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.get().is_some_and(|link| link.is_lost()) {
            *current = Arc::default();
        }
        current.clone()
    }

    fn replace(&self, link: Arc<Link>) {
        let mut current = self.shared.current.lock().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(OnceCell::new_with(Some(link)));
    }

    /// Answers the keeper at hand, or starts one; those who come meanwhile wait for the same.
    async fn link(&self) -> Result<Arc<Link>, KeeperError> {
        let start = async {
            let socket = start::start(&self.shared.config).await?;
            Link::establish(socket, &self.shared.tasks, self.shared.config.start_deadline).await
        };
        self.cell().get_or_try_init(|| start).await.cloned()
    }

    /// Creates a sandbox; once more with the next keeper if the one at hand is lost meanwhile, since nothing of the
    /// sandbox outlives that.
    async fn try_create(&self, spec: SandboxSpec) -> Result<Arc<KeptSandbox>, Refusal> {
        let link = self.link().await.map_err(|error| Refusal::of(&error))?;
        match self.create_with(&link, spec.clone()).await {
            Err(_) if link.is_lost() => {
                let next = self.link().await.map_err(|error| Refusal::of(&error))?;
                self.create_with(&next, spec).await
            }
            outcome => outcome,
        }
    }

    async fn create_with(&self, link: &Arc<Link>, spec: SandboxSpec) -> Result<Arc<KeptSandbox>, Refusal> {
        let (id, named) = (spec.id.clone(), Named::of(&spec));
        let ending = link.register(&id);
        let created = link.request(Operation::Create(Box::new(spec))).await;
        let made = created.and_then(|reply| match reply.answer {
            Answer::Created { pid, micros } => Kept::new(pid, reply.descriptors).map(|kept| (kept, micros)),
            Answer::Done => Err(Refusal::of(&KeeperError::Confused)),
        });
        match made {
            Ok((kept, micros)) => {
                tracing::debug!(%id, ?micros, "sandbox created");
                Ok(Arc::new(KeptSandbox::new(
                    named,
                    kept,
                    ending,
                    link.clone(),
                    self.shared.dialer.clone(),
                )))
            }
            Err(refusal) => {
                link.forget(&id, &ending);
                Err(refusal)
            }
        }
    }

    fn adopted(&self, link: &Arc<Link>, found: link::Found) -> Adopted {
        let id = found.spec.id.clone();
        let named = Named::of(&found.spec);
        let ending = link.subscribe(&id);
        let sandbox = KeptSandbox::new(
            named,
            found.kept,
            ending,
            link.clone(),
            self.shared.dialer.clone(),
        );
        Adopted {
            spec: *found.spec,
            started: found.started,
            sandbox: Arc::new(sandbox),
        }
    }
}

#[async_trait]
impl Sandboxes for KeeperClient {
    async fn create(&self, spec: SandboxSpec) -> Result<Arc<dyn Sandbox>, CreateError> {
        let id = spec.id.clone();
        match self.try_create(spec).await {
            Ok(sandbox) => Ok(sandbox),
            Err(source) => Err(CreateError { id, source }),
        }
    }
}

impl fmt::Debug for KeeperClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeeperClient")
            .field("config", &self.shared.config)
            .finish_non_exhaustive()
    }
}

/// A sandbox that an earlier server created.
#[derive(Debug)]
pub struct Adopted {
    /// What it is made of, without the contents of its files.
    pub spec: SandboxSpec,
    /// Whether its program was started.
    pub started: bool,
    /// The sandbox.
    pub sandbox: Arc<dyn Sandbox>,
}
