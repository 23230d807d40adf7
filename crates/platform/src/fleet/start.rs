//! Starting an instance: image, secrets, sandbox, program, probe.

use std::sync::Arc;
use std::time::Duration;

use coracle_sandbox::{Output, Sandbox};
use coracle_spec::Failure;
use tokio::time::{Instant, sleep, timeout};

use super::{Fleet, Start};
use crate::failure::{LastLines, StartCause, StartFailure, Unready};
use crate::image::{PrepareError, PreparedImage};
use crate::instance::{Instance, State};
use crate::launch::{self, Launch};
use crate::spares::Spare;

/// How long a connection waits for the request that it was kept for: that one is on its way.
const FIRST_REQUEST: Duration = Duration::from_millis(500);
/// How long a failed instance's last output is waited for.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl Fleet {
    /// Starts an instance; it gets requests as soon as it is ready.
    ///
    /// Whoever waits at the door learns the outcome too.
    pub(crate) async fn start(self: &Arc<Self>) -> Result<Arc<Instance>, Arc<StartFailure>> {
        self.crew().starting += 1;
        self.services.fleets.watch(self);
        self.started().await
    }

    /// Does what [`Fleet::start`] does, for a start that is counted already.
    pub(super) async fn started(self: &Arc<Self>) -> Result<Arc<Instance>, Arc<StartFailure>> {
        let counted = Counted::new(self);
        match self.make_ready().await {
            Ok(instance) => {
                self.services.journal.started(&self.revision, &instance);
                Ok(self.welcome(instance))
            }
            Err(failure) => {
                // Who asks from now on is not to wait for this start.
                drop(counted);
                Err(self.regret(failure))
            }
        }
    }

    /// Leads requests to an instance that is ready.
    pub(super) fn welcome(self: &Arc<Self>, instance: Arc<Instance>) -> Arc<Instance> {
        self.crew().last_start = Some(Start {
            ended: Instant::now(),
            took: instance.born().elapsed(),
        });
        self.bound_first(&instance);
        self.door.add(
            instance.id().clone(),
            Arc::clone(&instance) as Arc<dyn coracle_gateway::Upstream>,
        );
        self.watch_health(&instance);
        if instance.exit().is_some() {
            // It ended between its answer to the probe and now: whoever attends to it saw no door to close.
            self.door.remove(instance.id());
        }
        self.services.fleets.look_soon();
        instance
    }

    /// Lets go of the connection that was kept for the first request when no request waits, or none takes it: a program
    /// that serves one connection at a time would serve nobody else.
    fn bound_first(&self, instance: &Arc<Instance>) {
        if self.door.observe().waiting == 0 {
            instance.take_first();
            return;
        }
        let instance = Arc::clone(instance);
        let name = format!("first request {}", instance.id());
        self.services.tasks.spawn(name, async move {
            sleep(FIRST_REQUEST).await;
            instance.take_first();
        });
    }

    fn regret(&self, failure: StartFailure) -> Arc<StartFailure> {
        let failure = Arc::new(failure);
        self.crew().backoff.failed(Arc::clone(&failure), Instant::now());
        self.services.journal.start_failed(&self.revision, &failure);
        self.door.fail_waiting(&failure.for_callers());
        failure
    }

    async fn make_ready(self: &Arc<Self>) -> Result<Arc<Instance>, StartFailure> {
        if let Some(Spare { sandbox, image, .. }) = self.services.spares.take(&self.revision.id()) {
            match self.bring_up(sandbox, image).await {
                // It was lost while it waited; the program itself was not even tried.
                Err(StartFailure {
                    cause: StartCause::Sandbox(_),
                    ..
                }) => {}
                outcome => return outcome,
            }
        }
        let image = self.prepared_image().await?;
        let sandbox = self.create(&image).await?;
        self.bring_up(sandbox, image).await
    }

    async fn bring_up(
        self: &Arc<Self>,
        sandbox: Arc<dyn Sandbox>,
        image: Arc<PreparedImage>,
    ) -> Result<Arc<Instance>, StartFailure> {
        let port = launch::port(&image.config, &self.revision.config);
        let instance = self.board(sandbox, port, image);
        match self.run(&instance).await {
            Ok(()) if instance.enter(State::Ready) => Ok(instance),
            Ok(()) => Err(self.epitaph(&instance, StartCause::Stopping).await),
            Err(cause) => Err(self.epitaph(&instance, cause).await),
        }
    }

    pub(super) async fn prepared_image(&self) -> Result<Arc<PreparedImage>, StartFailure> {
        self.image()
            .await
            .map_err(|error| self.failure(StartCause::Image(Arc::new(error))))
    }

    /// Answers the image, prepared once for all instances that live at the same time.
    pub(super) async fn image(&self) -> Result<Arc<PreparedImage>, PrepareError> {
        let mut kept = self.image.lock().await;
        if let Some(image) = kept.upgrade() {
            return Ok(image);
        }
        let image = PreparedImage::prepare(&self.services.store, self.revision.image).await?;
        let image = Arc::new(image);
        *kept = Arc::downgrade(&image);
        Ok(image)
    }

    pub(super) async fn create(&self, image: &PreparedImage) -> Result<Arc<dyn Sandbox>, StartFailure> {
        let revision = &self.revision;
        let secrets = self
            .services
            .secrets
            .read(&revision.function.namespace, &revision.config.secrets)
            .await;
        let secrets = secrets.map_err(|error| self.failure(StartCause::Secret(Arc::new(error))))?;
        let id = revision.new_sandbox_id();
        let launch = Launch {
            id,
            revision,
            image,
            secrets: &secrets,
            environment: &self.services.environment,
        };
        let spec = launch
            .spec()
            .map_err(|error| self.failure(StartCause::Image(Arc::new(error))))?;
        self.services
            .sandboxes
            .create(spec)
            .await
            .map_err(|error| self.failure(sandbox_cause(error)))
    }

    /// Takes a new sandbox in: from here on it is attended to until it is gone.
    pub(super) fn board(
        self: &Arc<Self>,
        sandbox: Arc<dyn Sandbox>,
        port: u16,
        image: Arc<PreparedImage>,
    ) -> Arc<Instance> {
        let output: Option<Output> = sandbox.output();
        let instance = Arc::new(Instance::new(self.revision.number, port, sandbox, image));
        self.crew().instances.push(Arc::clone(&instance));
        self.attend(&instance, output);
        instance
    }

    async fn run(&self, instance: &Instance) -> Result<(), StartCause> {
        instance.sandbox().start().await.map_err(sandbox_cause)?;
        self.await_ready(instance).await
    }

    pub(super) async fn await_ready(&self, instance: &Instance) -> Result<(), StartCause> {
        let unused = self
            .probe(instance)
            .wait(instance.sandbox())
            .await
            .map_err(|not_ready| StartCause::NotReady(Unready(not_ready)))?;
        if let Some(stream) = unused {
            instance.keep_first(stream);
        }
        self.limit_cpu(instance).await
    }

    /// Limits the processor time only now: while it starts, somebody waits.
    async fn limit_cpu(&self, instance: &Instance) -> Result<(), StartCause> {
        match self.revision.config.resources.cpu {
            Some(cpu) => instance.sandbox().limit_cpu(cpu).await.map_err(sandbox_cause),
            None => Ok(()),
        }
    }

    /// Ends an instance that did not become ready, and tells why with its last words.
    async fn epitaph(&self, instance: &Instance, cause: StartCause) -> StartFailure {
        instance.dismiss(Duration::ZERO);
        let _ = timeout(LAST_WORDS, instance.gone()).await;
        StartFailure {
            said: LastLines::of(instance.last_lines()),
            ..self.failure(cause)
        }
    }

    pub(super) fn failure(&self, cause: StartCause) -> StartFailure {
        StartFailure {
            function: self.revision.function.clone(),
            revision: self.revision.number,
            cause,
            said: None,
        }
    }
}

fn sandbox_cause(error: impl Failure) -> StartCause {
    StartCause::Sandbox(Arc::new(error))
}

/// A start that is counted, also when it is given up half-way.
pub(super) struct Counted<'a>(&'a Fleet);

impl<'a> Counted<'a> {
    /// Makes the guard of a start that was added to the count before.
    pub(super) fn new(fleet: &'a Fleet) -> Self {
        Self(fleet)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let mut crew = self.0.crew();
        crew.starting = crew.starting.saturating_sub(1);
    }
}
