//! The Function Builder: a body that somebody signed becomes an image in a registry.
//!
//! ```text
//! body ─signed by a known secret─► tenant ─turnstile─► place ─unpack─► context ─build─► image ─publish─► registry
//! ```
//!
//! Bodies come from strangers' customers. What they say is checked before anything is done, and what one tenant's builds
//! leave behind is never another's.

mod config;
mod native;
mod payload;
mod replay;
mod sealed;
mod seams;
mod submission;
mod tenant;
mod turnstile;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use coracle_build::Observer;
use coracle_content::{Scratch, Store, StoreError};
use coracle_spec::{Class, Digest, Failure};
use coracle_tasks::CancellationToken;
use tokio::time::{Instant, timeout, timeout_at};

pub use config::ConfigError;
pub use native::{BuilderOf, NativeContexts};
pub use payload::{EmptySecret, PayloadKey, Senders, SignatureError, Verifier};
pub use replay::Replayed;
pub use sealed::{ALGORITHM as SEALING_ALGORITHM, InvalidSealingKey, SealedError, SealingKey};
pub use seams::{ContextBuild, ContextBuilder, ContextImage, Publication, Publisher};
pub use submission::{Spooled, SubmissionError};
pub use tenant::{InvalidTenant, Tenant};
pub use turnstile::{Bounds, Full};

use self::config::Wanted;
use self::replay::Seen;
use self::submission::Submission;
use self::turnstile::{Turn, Turnstile};
use crate::failure::SharedFailure;

/// How long a build that was cancelled may take to end.
const LAST_MOMENT: Duration = Duration::from_secs(20);

/// What a function builder is made of.
pub struct FunctionBuilderConfig {
    /// Whose bodies are taken.
    pub senders: Senders,
    /// What build secrets are sealed for.
    pub sealing: SealingKey,
    /// How many builds there may be at once.
    pub bounds: Bounds,
    /// How long one build may take, its wait for a place and its push included.
    pub timeout: Duration,
    /// How long a body that was taken is not taken again; none: no time at all.
    pub replay_window: Option<Duration>,
    /// Builds.
    pub contexts: Arc<dyn ContextBuilder>,
    /// Pushes.
    pub publisher: Arc<dyn Publisher>,
    /// Where bodies lie meanwhile.
    pub store: Store,
}

/// Builds images of bodies that somebody signed. Cheap to clone.
#[derive(Clone)]
pub struct FunctionBuilder {
    inner: Arc<Inner>,
}

struct Inner {
    config: FunctionBuilderConfig,
    turnstile: Turnstile,
    seen: Option<Seen>,
}

impl fmt::Debug for FunctionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionBuilder").finish_non_exhaustive()
    }
}

/// A body that was let in, and its sender's turn. Dropping it gives the turn back.
#[derive(Debug)]
pub struct Admitted {
    tenant: Tenant,
    turn: Turn,
}

/// Why a body is not let in.
#[derive(Debug, thiserror::Error)]
pub enum AdmitError {
    /// As many builds run and wait as may.
    #[error(transparent)]
    Full(#[from] Full),
    /// It was taken before.
    #[error(transparent)]
    Replayed(#[from] Replayed),
}

/// An image that was built and is where it should be.
#[derive(Debug, Clone)]
pub struct FunctionImage {
    /// The image's name as it was sent; empty when none was.
    pub name: String,
    /// The image's digest.
    pub digest: Digest,
}

/// Why a body did not become an image in a registry.
#[derive(Debug)]
pub struct FunctionBuildError {
    /// The image's name as it was sent; empty when nobody knows.
    pub image: String,
    /// What went wrong.
    pub trouble: BuildTrouble,
}

impl fmt::Display for FunctionBuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.trouble.fmt(f)
    }
}

impl std::error::Error for FunctionBuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.trouble.source()
    }
}

/// What went wrong with a build.
#[derive(Debug, thiserror::Error)]
pub enum BuildTrouble {
    /// The body is of no use.
    #[error(transparent)]
    Submission(#[from] SubmissionError),
    /// The context cannot be built.
    #[error("the build failed")]
    Build(#[source] SharedFailure),
    /// The image cannot be pushed.
    #[error("the image was built, but not pushed")]
    Push(#[source] SharedFailure),
    /// It took too long.
    #[error("the build took longer than {} seconds", .0.as_secs())]
    TimedOut(Duration),
    /// Its client has hung up, or the server ends.
    #[error("the build was cancelled")]
    Cancelled,
}

impl Failure for FunctionBuildError {
    fn class(&self) -> Class {
        match &self.trouble {
            BuildTrouble::Submission(error) => error.class(),
            BuildTrouble::Build(error) | BuildTrouble::Push(error) => error.class(),
            BuildTrouble::TimedOut(_) | BuildTrouble::Cancelled => Class::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        match &self.trouble {
            BuildTrouble::Submission(error) => error.hint(),
            BuildTrouble::Build(error) | BuildTrouble::Push(error) => error.hint(),
            BuildTrouble::TimedOut(_) | BuildTrouble::Cancelled => None,
        }
    }
}

impl BuildTrouble {
    fn of(self, image: &str) -> FunctionBuildError {
        FunctionBuildError {
            image: image.to_owned(),
            trouble: self,
        }
    }
}

impl FunctionBuilder {
    /// Puts one together.
    pub fn new(config: FunctionBuilderConfig) -> Self {
        let inner = Inner {
            turnstile: Turnstile::new(config.bounds, config.senders.tenants()),
            seen: config.replay_window.map(Seen::new),
            config,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Answers whose bodies are taken.
    pub fn senders(&self) -> &Senders {
        &self.inner.config.senders
    }

    /// Answers what build secrets are sealed for.
    pub fn sealing(&self) -> &SealingKey {
        &self.inner.config.sealing
    }

    /// Answers a place for a body on its way.
    pub fn scratch(&self) -> Result<Scratch, StoreError> {
        self.inner.config.store.scratch()
    }

    /// Answers how many builds run, and how many wait.
    pub fn load(&self) -> (usize, usize) {
        (self.inner.turnstile.running(), self.inner.turnstile.waiting())
    }

    /// Answers why a body would have to wait or go, if it would.
    pub fn busy(&self) -> Option<Full> {
        self.inner.turnstile.busy()
    }

    /// Lets a body of `tenant` in that was signed as `header` says.
    pub fn admit(&self, tenant: Tenant, header: Option<&str>) -> Result<Admitted, AdmitError> {
        let turn = self.inner.turnstile.enter(&tenant)?;
        if let (Some(seen), Some(Ok(signature))) = (&self.inner.seen, header.map(str::parse)) {
            seen.take(&signature)?;
        }
        Ok(Admitted { tenant, turn })
    }

    /// Builds a body that was let in, and brings the image to its registry.
    ///
    /// Ends soon after `cancel` is cancelled. Nothing of a failed build is left but what its tenant's later ones can use.
    pub async fn build(
        &self,
        admitted: Admitted,
        body: Spooled,
        observer: Arc<dyn Observer>,
        cancel: &CancellationToken,
    ) -> Result<FunctionImage, FunctionBuildError> {
        let run = Run {
            config: &self.inner.config,
            deadline: Instant::now() + self.inner.config.timeout,
            observer,
            cancel: cancel.child_token(),
        };
        run.build(admitted, body).await
    }
}

/// One build.
struct Run<'a> {
    config: &'a FunctionBuilderConfig,
    deadline: Instant,
    observer: Arc<dyn Observer>,
    cancel: CancellationToken,
}

impl Run<'_> {
    async fn build(&self, admitted: Admitted, body: Spooled) -> Result<FunctionImage, FunctionBuildError> {
        let Admitted { tenant, turn } = admitted;
        let turn = async { turn.place().await.ok_or(BuildTrouble::Cancelled) };
        let _place = self.within(turn).await.map_err(|trouble| trouble.of(""))?;
        let submission = self.open(body).await.map_err(|trouble| trouble.of(""))?;
        let wanted = submission.wanted.clone();
        let digest = self.image(submission, tenant).await;
        match digest {
            Ok(digest) => Ok(FunctionImage {
                name: wanted.name,
                digest,
            }),
            Err(trouble) => Err(trouble.of(&wanted.name)),
        }
    }

    async fn open(&self, body: Spooled) -> Result<Submission, BuildTrouble> {
        let sealing = self.config.sealing.clone();
        let opening = tokio::task::spawn_blocking(move || Submission::open(body, &sealing));
        let opened = self.to_its_end(opening).await?;
        Ok(opened.map_err(|_| BuildTrouble::Cancelled)??)
    }

    async fn image(&self, submission: Submission, tenant: Tenant) -> Result<Digest, BuildTrouble> {
        let Submission {
            wanted:
                Wanted {
                    push,
                    args,
                    platforms,
                    ..
                },
            secrets,
            context: folder,
            scratch,
        } = submission;
        let build = ContextBuild {
            folder,
            tenant: tenant.clone(),
            args,
            platforms,
            secrets,
        };
        let building = self
            .config
            .contexts
            .build(build, Arc::clone(&self.observer), &self.cancel);
        let image = self.to_its_end(building).await?.map_err(BuildTrouble::Build)?;
        drop(scratch);
        if let Some(reference) = push {
            let publication = Publication {
                digest: image.digest,
                reference,
                tenant,
            };
            let publishing =
                self.config
                    .publisher
                    .publish(publication, Arc::clone(&self.observer), &self.cancel);
            self.to_its_end(publishing).await?.map_err(BuildTrouble::Push)?;
        }
        Ok(image.digest)
    }

    /// Waits for work that ends soon once it is cancelled: at the deadline it is, and gets a moment to tidy up.
    async fn to_its_end<T>(&self, work: impl Future<Output = T>) -> Result<T, BuildTrouble> {
        tokio::pin!(work);
        let done = self.within(async { Ok(work.as_mut().await) }).await;
        if done.is_err() {
            self.cancel.cancel();
            // Whatever it answers now, it was too late.
            let _ = timeout(LAST_MOMENT, work).await;
        }
        done
    }

    /// Waits for work until the deadline, or until it is cancelled.
    async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, BuildTrouble>>,
    ) -> Result<T, BuildTrouble> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(BuildTrouble::Cancelled),
            result = timeout_at(self.deadline, work) => match result {
                Ok(result) => result,
                Err(_) => Err(BuildTrouble::TimedOut(self.config.timeout)),
            },
        }
    }
}
