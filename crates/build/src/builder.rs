//! What callers hold: a builder makes images of source folders.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use coracle_content::Store;
use coracle_debian::{Archive, Debian};
use coracle_fetch::Fetcher;
use coracle_oci::{Image, ImageConfig, Layer, assemble, load};
use coracle_plan::{Plan, StepId, Target};
use coracle_sandbox::Sandboxes;
use coracle_spec::{Digest, Manifest};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::error::BuildError;
use crate::execute::{Executed, Execution};
use crate::folder::Folder;
use crate::key::{Keyed, keys};
use crate::lock_file;
use crate::pins::{Pinned, Pinning, Refresh};
use crate::progress::{Event, Observer};
use crate::steps::{EPOCH, blocking};
use crate::surroundings::Surroundings;

/// The kind of record that says which image a plan resulted in.
const IMAGES: &str = "images";

/// What a builder works with.
#[derive(Clone)]
pub struct Tools {
    /// Keeps everything.
    pub store: Store,
    /// Downloads.
    pub fetcher: Fetcher,
    /// Debian's archive.
    pub archive: Archive,
    /// Makes the sandboxes that steps run in.
    pub sandboxes: Arc<dyn Sandboxes>,
    /// What the host says about reaching the outside world.
    pub surroundings: Surroundings,
}

impl Tools {
    /// Answers what makes bases of Debian packages.
    pub(crate) fn debian(&self) -> Debian {
        Debian::new(self.store.clone(), self.fetcher.clone(), self.archive.clone())
    }
}

/// Makes images of source folders. Builds of several folders, and of the same folder, may run at once.
#[derive(Clone)]
pub struct Builder {
    tools: Tools,
}

/// What to build.
#[derive(Debug, Clone)]
pub struct Request {
    /// The source folder.
    pub folder: PathBuf,
    /// What the author says about it.
    pub manifest: Manifest,
    /// What the image is for.
    pub target: Target,
    /// What becomes of `coracle.lock`.
    pub locking: Locking,
}

/// What becomes of `coracle.lock`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Locking {
    /// What it lacks is added.
    #[default]
    Update,
    /// What it lacks is an error.
    Frozen,
}

/// A built image.
#[derive(Debug, Clone)]
pub struct Built {
    /// The image, in the store.
    pub image: Image,
    /// The plan that it was built by.
    pub plan: Plan,
    /// What each step took, in the plan's order.
    pub steps: Vec<StepReport>,
    /// How long the whole build took.
    pub duration: Duration,
}

/// What a step took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepReport {
    /// The step.
    pub id: StepId,
    /// What it does, in words.
    pub name: String,
    /// Whether its result was there already, or not needed.
    pub cached: bool,
    /// How long it took.
    pub duration: Duration,
}

impl Builder {
    /// Makes a builder.
    pub fn new(tools: Tools) -> Self {
        Self { tools }
    }

    /// Plans the build of a folder, without choosing versions that its lock file does not pin.
    pub async fn plan(&self, request: &Request) -> Result<Plan, BuildError> {
        let (store, request) = (self.tools.store.clone(), request.clone());
        blocking(move || {
            let folder = Folder::open(&store, &request.folder)?;
            let lock = lock_file::read(folder.path())?;
            Ok(coracle_plan::plan(
                &folder,
                &request.manifest,
                &lock,
                &request.target,
            )?)
        })
        .await
    }

    /// Builds the image of a folder.
    ///
    /// Ends soon after `cancel` is cancelled. A failed or cancelled build leaves no image and nothing that runs;
    /// what its finished steps made is kept for the next one.
    pub async fn build(
        &self,
        request: &Request,
        observer: Arc<dyn Observer>,
        cancel: &CancellationToken,
    ) -> Result<Built, BuildError> {
        let since = Instant::now();
        let mut prepared = self.prepare(request, &observer, cancel, Refresh::Nothing).await?;
        let (image, steps) = match self.image(&prepared, &observer, cancel).await {
            Err(error) if error.is_gone() && request.locking == Locking::Update => {
                let text =
                    "the archive no longer has packages of `coracle.lock`: newer ones are locked instead";
                observer.event(Event::Warning { text });
                prepared = self.prepare(request, &observer, cancel, Refresh::Bases).await?;
                self.image(&prepared, &observer, cancel).await?
            }
            result => result?,
        };
        save_lock(&prepared, &observer);
        observer.event(Event::Built {
            digest: &image.manifest,
        });
        Ok(Built {
            image,
            plan: prepared.pinned.plan,
            steps,
            duration: since.elapsed(),
        })
    }

    /// Plans the build, chooses the versions of all that it uses, and answers the key of each step.
    async fn prepare(
        &self,
        request: &Request,
        observer: &Arc<dyn Observer>,
        cancel: &CancellationToken,
        refresh: Refresh,
    ) -> Result<Prepared, BuildError> {
        let (tools, request) = (self.tools.clone(), request.clone());
        let (observer, cancel) = (Arc::clone(observer), cancel.clone());
        blocking(move || {
            let folder = Folder::open(&tools.store, &request.folder)?;
            let pinning = Pinning {
                tools: &tools,
                folder: &folder,
                request: &request,
                observer: &observer,
                cancel: &cancel,
            };
            let pinned = pinning.pin(refresh)?;
            let keyed = keys(&pinned.plan, &folder, |recipe| pinned.lock.base(recipe))?;
            let path = folder.path().to_owned();
            folder.remember()?;
            Ok(Prepared {
                folder: path,
                target: request.target,
                pinned,
                keyed,
            })
        })
        .await
    }

    /// Answers the image: the one that an equal build made, else one that is made now.
    async fn image(
        &self,
        prepared: &Prepared,
        observer: &Arc<dyn Observer>,
        cancel: &CancellationToken,
    ) -> Result<(Image, Vec<StepReport>), BuildError> {
        let plan = &prepared.pinned.plan;
        observer.event(Event::Planned {
            steps: plan.steps.len(),
        });
        for text in &plan.warnings {
            observer.event(Event::Warning { text });
        }
        let lease = self.tools.store.lease()?;
        let key = prepared.image_key();
        if let Some(image) = self.built_before(&key)? {
            return Ok((image, report(plan, &Executed::default())));
        }
        let execution = Execution {
            tools: &self.tools,
            plan,
            keyed: &prepared.keyed,
            lock: &prepared.pinned.lock,
            folder: &prepared.folder,
            observer,
            cancel,
            lease: &lease,
        };
        let executed = execution.run().await?;
        let (config, layers) = (config(plan, prepared.target), layers(plan, &executed));
        let store = self.tools.store.clone();
        let image = blocking(move || {
            let image = assemble(&store, &config, &layers)?;
            store.put_record(IMAGES, &key, &image.manifest)?;
            Ok::<_, BuildError>(image)
        })
        .await?;
        Ok((image, report(plan, &executed)))
    }

    fn built_before(&self, key: &Digest) -> Result<Option<Image>, BuildError> {
        let store = &self.tools.store;
        let Some(digest) = store.record::<Digest>(IMAGES, key)? else {
            return Ok(None);
        };
        if store.blob(&digest)?.is_none() {
            return Ok(None);
        }
        let image = load(store, &digest)?;
        for layer in &image.layers {
            if store.blob(&layer.digest)?.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(image))
    }
}

/// A build that is about to be carried out.
struct Prepared {
    folder: PathBuf,
    target: Target,
    pinned: Pinned,
    keyed: Keyed,
}

impl Prepared {
    /// Answers the digest of everything that decides the image.
    fn image_key(&self) -> Digest {
        let image = &self.pinned.plan.image;
        let layers: Vec<_> = image
            .layers
            .iter()
            .filter_map(|id| self.keyed.keys.get(id))
            .collect();
        Digest::of_value(&(self.target.arch.name(), image, layers))
    }
}

/// Writes what the build pinned. A folder that cannot be written to fails nothing: the next build pins again.
fn save_lock(prepared: &Prepared, observer: &Arc<dyn Observer>) {
    if !prepared.pinned.changed {
        return;
    }
    if let Err(error) = lock_file::write(&prepared.folder, &prepared.pinned.lock) {
        let reason = std::error::Error::source(&error)
            .map(ToString::to_string)
            .unwrap_or_default();
        observer.event(Event::Warning {
            text: &format!("{error}: {reason}"),
        });
    }
}

fn config(plan: &Plan, target: Target) -> ImageConfig {
    let image = &plan.image;
    ImageConfig {
        architecture: target.arch.name().to_owned(),
        created: EPOCH,
        entrypoint: image.entrypoint.clone(),
        cmd: image.command.clone(),
        env: image.env.clone(),
        workdir: image.workdir.clone(),
        user: image.user.clone(),
        exposed_ports: BTreeSet::from([format!("{}/tcp", image.port)]),
        labels: image.labels.clone(),
        stop_signal: String::new(),
    }
}

/// Answers the image's layers, each with the name of its step for the image's history.
fn layers(plan: &Plan, executed: &Executed) -> Vec<Layer> {
    let steps = plan.image.layers.iter().filter_map(|id| plan.step(id));
    steps
        .filter_map(|step| Some((step, executed.outcomes.get(&step.id)?)))
        .flat_map(|(step, outcome)| outcome.layers().map(|layer| layer.clone().noted(&step.name)))
        .collect()
}

fn report(plan: &Plan, executed: &Executed) -> Vec<StepReport> {
    let reported = plan.steps.iter().map(|step| {
        let took = executed.took.get(&step.id);
        StepReport {
            id: step.id.clone(),
            name: step.name.clone(),
            cached: took.is_none_or(|took| took.cached),
            duration: took.map_or(Duration::ZERO, |took| took.duration),
        }
    });
    reported.collect()
}
