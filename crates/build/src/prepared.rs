//! A build that is about to be carried out: plans whose every part is pinned, with the keys of their steps.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::iter::once;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use coracle_oci::{ImageConfig, Layer};
use coracle_plan::{Lock, Plan, Target};
use coracle_spec::Digest;
use coracle_spec::image::ImageDocument;

use crate::error::BuildError;
use crate::execute::Executed;
use crate::folder::{Contents, Folder};
use crate::graph::{Graph, KeyedPlan};
use crate::key::{Keys, Salt, keys};
use crate::lock_file;
use crate::pinned;
use crate::pins::{Pinned, Planned};
use crate::progress::{Event, Observer};
use crate::request::{Request, Reuse, SecretValue, Tenant};
use crate::steps::EPOCH;
use crate::steps::place::ContextFiles;

/// A build that is about to be carried out.
pub(crate) struct Prepared {
    pub(crate) folder: PathBuf,
    pub(crate) own: Aim,
    pub(crate) others: Vec<Aim>,
    pub(crate) lock: Lock,
    /// What the source's files are that any step reads.
    pub(crate) contents: Contents,
    /// Whether the lock says something that the file does not.
    changed: bool,
    /// Whose build it is.
    pub(crate) tenant: Option<Tenant>,
    /// What steps of a Dockerfile read of its context.
    pub(crate) context: Arc<ContextFiles>,
    /// What files of web servers are.
    pub(crate) remote: Remote,
    pub(crate) reuse: Reuse,
    pub(crate) secrets: BTreeMap<String, SecretValue>,
}

/// The digests of files of web servers, by their addresses.
pub(crate) type Remote = BTreeMap<String, Digest>;

/// One image that a build makes.
pub(crate) struct Aim {
    pub(crate) target: Target,
    pub(crate) plan: Plan,
    keys: Keys,
}

/// What steps of a Dockerfile read from outside.
pub(crate) struct Read {
    pub(crate) context: ContextFiles,
    pub(crate) remote: Remote,
}

impl Prepared {
    /// Prepares the build of `folder` by pinned plans.
    pub(crate) fn of(folder: &Folder, pinned: Pinned, tenant: Option<Tenant>) -> Result<Self, BuildError> {
        let salt = Salt { tenant };
        let mut contents = Contents::new();
        let mut aim = |planned: Planned| {
            let keyed = keys(&planned.plan, (folder, &salt), |recipe| pinned.lock.base(recipe))?;
            contents.extend(keyed.contents);
            Ok::<_, BuildError>(Aim {
                target: planned.target,
                plan: planned.plan,
                keys: keyed.keys,
            })
        };
        Ok(Self {
            folder: folder.path().to_owned(),
            own: aim(pinned.own)?,
            others: pinned.others.into_iter().map(aim).collect::<Result<_, _>>()?,
            lock: pinned.lock,
            contents,
            changed: pinned.changed,
            tenant: salt.tenant.clone(),
            context: Arc::default(),
            remote: Remote::default(),
            reuse: Reuse::default(),
            secrets: BTreeMap::new(),
        })
    }

    /// Prepares the build of a Dockerfile, for the request's targets in their order.
    pub(crate) fn of_dockerfile(read: Read, mut aims: Vec<Aim>, request: &Request) -> Option<Self> {
        let others = aims.split_off(1.min(aims.len()));
        Some(Self {
            folder: request.folder.clone(),
            own: aims.pop()?,
            others,
            lock: Lock::default(),
            contents: Contents::new(),
            changed: false,
            tenant: request.tenant.clone(),
            context: Arc::new(read.context),
            remote: read.remote,
            reuse: request.dockerfile.reuse,
            secrets: request.dockerfile.secrets.clone(),
        })
    }

    /// Answers every image that the build makes.
    pub(crate) fn aims(&self) -> impl Iterator<Item = &Aim> {
        once(&self.own).chain(&self.others)
    }

    /// Answers the steps of all images.
    pub(crate) fn graph(&self) -> Graph<'_> {
        let plans: Vec<_> = self.aims().map(Aim::keyed).collect();
        Graph::of(&plans)
    }

    /// Tells the observer how much there is to do, and what the author should know.
    pub(crate) fn announce(&self, graph: &Graph<'_>, observer: &dyn Observer) {
        observer.event(Event::Planned {
            steps: graph.nodes.len(),
        });
        let old = pinned::warning(&self.lock, SystemTime::now());
        let warnings: BTreeSet<&String> = self
            .aims()
            .flat_map(|aim| &aim.plan.warnings)
            .chain(&old)
            .collect();
        for text in warnings {
            observer.event(Event::Warning { text });
        }
    }

    /// Writes what the build pinned. A folder that cannot be written to fails nothing: the next build pins again.
    pub(crate) fn save_lock(&self, observer: &dyn Observer) {
        if !self.changed {
            return;
        }
        if let Err(error) = lock_file::write(&self.folder, &self.lock) {
            let reason = error.source().map(ToString::to_string).unwrap_or_default();
            observer.event(Event::Warning {
                text: &format!("{error}: {reason}"),
            });
        }
    }
}

impl Aim {
    /// Makes one of a plan and the keys of its steps.
    pub(crate) fn new(target: Target, plan: Plan, keys: Keys) -> Self {
        Self { target, plan, keys }
    }

    /// Answers its plan with what belongs to it in a graph.
    pub(crate) fn keyed(&self) -> KeyedPlan<'_> {
        KeyedPlan {
            plan: &self.plan,
            arch: self.target.arch.name(),
            keys: &self.keys,
        }
    }

    /// Answers the digest of everything that decides the image.
    pub(crate) fn image_key(&self) -> Digest {
        let layers: Vec<_> = self.keyed().layers().collect();
        Digest::of_value(&(self.target.arch.name(), &self.plan.image, layers))
    }

    /// Answers the image's whole configuration, when a Dockerfile says it, with its times.
    pub(crate) fn document(&self) -> Option<ImageDocument> {
        let mut document = self.plan.image.document.clone()?;
        let created = jiff::Timestamp::from_second(EPOCH)
            .unwrap_or_default()
            .to_string();
        for entry in &mut document.history {
            if entry.created.is_empty() {
                entry.created.clone_from(&created);
            }
        }
        document.created = created;
        Some(document)
    }

    /// Answers the image's configuration.
    pub(crate) fn config(&self) -> ImageConfig {
        let (image, arch) = (&self.plan.image, self.target.arch);
        ImageConfig {
            architecture: arch.name().to_owned(),
            variant: arch.variant().to_owned(),
            created: EPOCH,
            entrypoint: image.entrypoint.clone(),
            cmd: image.command.clone(),
            env: image.env.clone(),
            workdir: image.workdir.clone(),
            user: image.user.clone(),
            exposed_ports: BTreeSet::from([format!("{}/tcp", image.port)]),
            volumes: BTreeSet::new(),
            labels: image.labels.clone(),
            stop_signal: String::new(),
        }
    }

    /// Answers the image's layers, each with the name of its step for the image's history.
    pub(crate) fn layers(&self, executed: &Executed) -> Vec<Layer> {
        let steps = self.plan.image.layers.iter().filter_map(|id| self.plan.step(id));
        steps
            .filter_map(|step| Some((step, executed.outcomes.get(self.keys.get(&step.id)?)?)))
            .flat_map(|(step, outcome)| outcome.layers().map(|layer| layer.clone().noted(&step.name)))
            .collect()
    }
}
