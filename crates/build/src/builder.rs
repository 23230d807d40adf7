//! What callers hold: a builder makes images of source folders.

mod relock;

use std::sync::Arc;
use std::time::{Duration, Instant};

use coracle_content::{Lease, Store, StoreError};
use coracle_debian::{Archive, Debian};
use coracle_distribution::{Anonymous, Client};
use coracle_fetch::Fetcher;
use coracle_oci::{Image, assemble, assemble_document};
use coracle_plan::{Plan, StepId, Target};
use coracle_sandbox::Sandboxes;
use coracle_spec::revision::Profile;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::dockerfile::Preparing;
use crate::error::BuildError;
use crate::execute::{Executed, Execution};
use crate::folder::Folder;
use crate::graph::Graph;
use crate::known::{self, Known};
use crate::lock_file;
use crate::outcome::Outcome;
use crate::pins::{Pinning, Refresh};
use crate::prepared::{Aim, Prepared};
use crate::progress::{Event, Observer, Silent};
use crate::request::{Locking, Request, Tenant};
use crate::steps::blocking;
use crate::surroundings::Surroundings;

/// What a builder works with.
#[derive(Clone)]
pub struct Tools {
    /// Keeps everything.
    pub store: Store,
    /// Downloads.
    pub fetcher: Fetcher,
    /// Debian's archive.
    pub archive: Archive,
    /// Pulls images. For the builds of a tenant it is that [party's](Client::of_party).
    pub images: Client,
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

    /// Answers what pulls images for a build. A tenant's is the tenant's own, else nobody's: this machine's credentials, and
    /// another tenant's, are none of theirs, nor is what the store has for others.
    pub(crate) fn registries(&self, tenant: Option<&Tenant>) -> Client {
        let images = self.images.over(self.store.clone());
        match tenant {
            Some(tenant) if images.party() != Some(tenant.name()) => {
                images.of_party(tenant.name(), Arc::new(Anonymous))
            }
            _ => images,
        }
    }
}

/// Makes images of source folders. Builds of several folders, and of the same folder, may run at once.
#[derive(Clone)]
pub struct Builder {
    tools: Tools,
}

/// A built image.
#[derive(Debug, Clone)]
pub struct Built {
    /// The image, in the store.
    pub image: Image,
    /// The plan that it was built by.
    pub plan: Plan,
    /// The further images, in the request's order.
    pub others: Vec<BuiltFor>,
    /// What each step took, in the plans' order. Steps that several images have in common are there once.
    pub steps: Vec<StepReport>,
    /// How long the whole build took.
    pub duration: Duration,
    /// Keeps the images from collection.
    pub lease: Arc<Lease>,
}

impl Built {
    /// Answers what instances of the image expect: one that a Dockerfile makes is like anybody's.
    pub fn profile(&self) -> Profile {
        match self.plan.image.document {
            Some(_) => Profile::Image,
            None => Profile::Own,
        }
    }
}

/// A further image that a build made.
#[derive(Debug, Clone)]
pub struct BuiltFor {
    /// What it is for.
    pub target: Target,
    /// The image, in the store.
    pub image: Image,
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

    /// Plans the build of a folder for the request's first target, without choosing versions that its lock file does not pin.
    pub async fn plan(&self, request: &Request) -> Result<Plan, BuildError> {
        let observer: Arc<dyn Observer> = Arc::new(Silent);
        let cancel = CancellationToken::new();
        if let Some(plan) = self.preparing(request, &observer, &cancel).plan_only().await? {
            return Ok(plan);
        }
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

    /// Builds the image of a folder, and the further ones that the request names: their graphs are walked together.
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
        let builder = self.held()?;
        let mut prepared = builder
            .prepare(request, &observer, cancel, Refresh::Nothing)
            .await?;
        let made = match builder.images(&prepared, &observer, cancel).await {
            Err(error) if error.is_gone() && request.locking == Locking::Update => {
                let text =
                    "the archive no longer has packages of `coracle.lock`: newer ones are locked instead";
                observer.event(Event::Warning { text });
                prepared = builder
                    .prepare(request, &observer, cancel, Refresh::Bases)
                    .await?;
                builder.images(&prepared, &observer, cancel).await?
            }
            result => result?,
        };
        prepared.save_lock(&*observer);
        observer.event(Event::Built {
            digest: &made.image.manifest,
        });
        Ok(Built {
            lease: Arc::new(builder.keep(&made)?),
            image: made.image,
            plan: prepared.own.plan,
            others: made.others,
            steps: made.steps,
            duration: since.elapsed(),
        })
    }

    /// Answers a builder for one build: what that finds or makes is kept from collection until it ends.
    fn held(&self) -> Result<Self, StoreError> {
        let tools = Tools {
            store: self.tools.store.held()?,
            ..self.tools.clone()
        };
        Ok(Self { tools })
    }

    /// Keeps the images beyond the build that made them.
    fn keep(&self, made: &Made) -> Result<Lease, StoreError> {
        let lease = self.tools.store.lease()?;
        let images = made.others.iter().map(|other| &other.image).chain([&made.image]);
        for image in images {
            lease.keep(&image.manifest)?;
        }
        Ok(lease)
    }

    /// Plans the build, chooses the versions of all that it uses, and answers the key of each step.
    async fn prepare(
        &self,
        request: &Request,
        observer: &Arc<dyn Observer>,
        cancel: &CancellationToken,
        refresh: Refresh,
    ) -> Result<Prepared, BuildError> {
        if let Some(prepared) = self.preparing(request, observer, cancel).prepare().await? {
            return Ok(prepared);
        }
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
            let prepared = Prepared::of(&folder, pinning.pin(refresh)?, request.tenant.clone())?;
            folder.remember()?;
            Ok(prepared)
        })
        .await
    }

    fn preparing<'a>(
        &'a self,
        request: &'a Request,
        observer: &'a Arc<dyn Observer>,
        cancel: &'a CancellationToken,
    ) -> Preparing<'a> {
        Preparing {
            tools: &self.tools,
            request,
            observer,
            cancel,
        }
    }

    /// Answers the images: those that an equal build made, else ones that are made now.
    async fn images(
        &self,
        prepared: &Prepared,
        observer: &Arc<dyn Observer>,
        cancel: &CancellationToken,
    ) -> Result<Made, BuildError> {
        let graph = prepared.graph();
        prepared.announce(&graph, &**observer);
        // A step that fails ends the others, and not what the caller does after this build.
        let cancel = &cancel.child_token();
        let execution = Execution {
            tools: &self.tools,
            graph: &graph,
            lock: &prepared.lock,
            folder: &prepared.folder,
            contents: &prepared.contents,
            tenant: prepared.tenant.as_ref(),
            context: &prepared.context,
            remote: &prepared.remote,
            reuse: prepared.reuse,
            secrets: &prepared.secrets,
            observer,
            cancel,
        };
        let known = Known::of(&self.tools.store, prepared)?;
        let executed = match known.missing(prepared) {
            wanted if wanted.is_empty() => {
                for node in &graph.nodes {
                    Outcome::used(&self.tools.store, &node.key);
                }
                Executed::default()
            }
            wanted => Box::pin(execution.run(wanted)).await?,
        };
        let mut others = Vec::new();
        for aim in &prepared.others {
            others.push(BuiltFor {
                target: aim.target,
                image: self.image(aim, &known, &executed).await?,
            });
        }
        Ok(Made {
            image: self.image(&prepared.own, &known, &executed).await?,
            others,
            steps: report(&graph, &executed),
        })
    }

    /// Answers the image of a plan whose steps were carried out.
    async fn image(&self, aim: &Aim, known: &Known, executed: &Executed) -> Result<Image, BuildError> {
        let key = aim.image_key();
        if let Some(image) = known.get(&key) {
            return Ok(image.clone());
        }
        let (config, layers) = (aim.config(), aim.layers(executed));
        let document = aim.document();
        let store = self.tools.store.clone();
        blocking(move || {
            let image = match document {
                Some(document) => assemble_document(&store, &document, &layers)?,
                None => assemble(&store, &config, &layers)?,
            };
            known::remember(&store, &key, &image)?;
            Ok(image)
        })
        .await
    }
}

/// What a walk of the graph made.
struct Made {
    image: Image,
    others: Vec<BuiltFor>,
    steps: Vec<StepReport>,
}

fn report(graph: &Graph<'_>, executed: &Executed) -> Vec<StepReport> {
    let reported = graph.nodes.iter().map(|node| {
        let took = executed.took.get(&node.key);
        StepReport {
            id: node.step.id.clone(),
            name: node.step.name.clone(),
            cached: took.is_none_or(|took| took.cached),
            duration: took.map_or(Duration::ZERO, |took| took.duration),
        }
    });
    reported.collect()
}
