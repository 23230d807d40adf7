//! Chooses the exact version of everything that a plan uses and the lock file does not pin yet.

use std::sync::Arc;
use std::time::Instant;

use coracle_debian::Recipe;
use coracle_plan::{Base, Fetch, Lock, Op, Plan, StepId, Target, Version};
use tokio_util::sync::CancellationToken;

use crate::builder::Tools;
use crate::carrier;
use crate::error::BuildError;
use crate::folder::Folder;
use crate::lock_file;
use crate::progress::{Event, Observer};
use crate::request::{Locking, Request};
use crate::steps::base::{self, BaseError};
use crate::transfer::StepProgress;

/// Plans whose every part is pinned.
pub(crate) struct Pinned {
    pub(crate) own: Planned,
    pub(crate) others: Vec<Planned>,
    pub(crate) lock: Lock,
    /// Whether the lock says something that the file does not.
    pub(crate) changed: bool,
}

/// The plan for a target.
pub(crate) struct Planned {
    pub(crate) target: Target,
    pub(crate) plan: Plan,
}

/// Which pins are chosen again although they are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refresh {
    /// None.
    Nothing,
    /// The packages of bases.
    Bases,
    /// All of them.
    Everything,
}

/// Pins a plan.
pub(crate) struct Pinning<'a> {
    pub(crate) tools: &'a Tools,
    pub(crate) folder: &'a Folder,
    pub(crate) request: &'a Request,
    pub(crate) observer: &'a Arc<dyn Observer>,
    pub(crate) cancel: &'a CancellationToken,
}

impl Pinning<'_> {
    /// Plans the build and pins what the lock file does not.
    pub(crate) fn pin(&self, refresh: Refresh) -> Result<Pinned, BuildError> {
        let saved = lock_file::read(self.folder.path())?;
        let mut lock = match refresh {
            Refresh::Everything => Lock::default(),
            Refresh::Nothing | Refresh::Bases => saved.clone(),
        };
        let plans = self.plans(&lock)?;
        let missing = Missing::of(plans.iter().map(|planned| &planned.plan), &lock, refresh)?;
        if !missing.is_empty() {
            self.may_choose(&missing)?;
            self.choose(&missing, &mut lock)?;
            self.forget_unused(&mut lock);
        }
        let pinned = |target: &Target| self.planned(&lock, *target);
        Ok(Pinned {
            own: pinned(&self.request.target)?,
            others: self.request.others.iter().map(pinned).collect::<Result<_, _>>()?,
            changed: lock != saved,
            lock,
        })
    }

    fn plans(&self, lock: &Lock) -> Result<Vec<Planned>, BuildError> {
        self.request
            .targets()
            .map(|target| self.planned(lock, *target))
            .collect()
    }

    fn planned(&self, lock: &Lock, target: Target) -> Result<Planned, BuildError> {
        Ok(Planned {
            target,
            plan: coracle_plan::plan(self.folder, &self.request.manifest, lock, &target)?,
        })
    }

    fn may_choose(&self, missing: &Missing<'_>) -> Result<(), BuildError> {
        match self.request.locking {
            Locking::Update => Ok(()),
            Locking::Frozen => Err(BuildError::NotLocked {
                missing: missing.names(),
            }),
        }
    }

    /// Takes out of `lock` what none of the project's images uses, those that this build does not make included.
    fn forget_unused(&self, lock: &mut Lock) {
        let plan = |target: &Target| coracle_plan::plan(self.folder, &self.request.manifest, lock, target);
        // A plan that cannot be made says nothing of what it uses.
        let plans: Result<Vec<_>, _> = self.project_targets().iter().map(plan).collect();
        if let Ok(plans) = plans {
            lock.retain_used(&plans);
        }
    }

    /// Answers what the project's images are for: what the manifest says, and what is built now.
    fn project_targets(&self) -> Vec<Target> {
        let host = self.request.target.host;
        let platforms = &self.request.manifest.build.platforms;
        let declared = platforms.iter().map(|platform| Target {
            arch: (*platform).into(),
            host,
        });
        let usual = platforms.is_empty().then(|| Target::native(host));
        declared
            .chain(usual)
            .chain(self.request.targets().copied())
            .collect()
    }

    /// Puts the versions of bases and tools into `lock`, and shows that as a step of its own.
    fn choose(&self, missing: &Missing<'_>, lock: &mut Lock) -> Result<(), BuildError> {
        let (step, since) = (StepId::new("lock"), Instant::now());
        let name = "choose versions for `coracle.lock`";
        self.observer.event(Event::Started { step: &step, name });
        let progress = StepProgress::new(&step, self.observer.clone(), self.cancel.clone());
        let pinned =
            base::pin(&self.tools.debian(), &missing.bases, lock, &progress).map_err(BuildError::Base);
        let result = pinned.and_then(|()| self.pin_tools(&missing.tools, lock));
        let duration = since.elapsed();
        self.observer.event(match &result {
            Ok(()) => Event::Finished {
                step: &step,
                cached: false,
                duration,
            },
            Err(_) => Event::Failed {
                step: &step,
                duration,
            },
        });
        result
    }

    fn pin_tools(&self, tools: &[(&Fetch, &str)], lock: &mut Lock) -> Result<(), BuildError> {
        for (fetch, request) in tools {
            let tools = (&self.tools.store, &self.tools.fetcher);
            let registries = &self.tools.surroundings.registries;
            lock.put_tool(carrier::newest(tools, registries, fetch, request)?);
        }
        Ok(())
    }
}

/// What plans use and no lock pins, each once.
struct Missing<'p> {
    bases: Vec<(&'p Base, Recipe)>,
    tools: Vec<(&'p Fetch, &'p str)>,
}

impl<'p> Missing<'p> {
    fn of(plans: impl Iterator<Item = &'p Plan>, lock: &Lock, refresh: Refresh) -> Result<Self, BuildError> {
        let mut missing = Self {
            bases: Vec::new(),
            tools: Vec::new(),
        };
        for step in plans.flat_map(|plan| &plan.steps) {
            match &step.op {
                Op::Base(base) => missing.base(base, lock, refresh).map_err(BuildError::Base)?,
                Op::Fetch(fetch) => missing.tool(fetch),
                Op::Run(_)
                | Op::Copy(_)
                | Op::Write(_)
                | Op::Image(_)
                | Op::Exec(_)
                | Op::Place(_)
                | Op::MakeFolder(_) => {}
            }
        }
        Ok(missing)
    }

    fn base(&mut self, base: &'p Base, lock: &Lock, refresh: Refresh) -> Result<(), BaseError> {
        let is_known = self.bases.iter().any(|(known, _)| known.recipe == base.recipe);
        if !is_known && (refresh == Refresh::Bases || !base::is_pinned(lock, base)?) {
            self.bases.push((base, base::recipe(base)?));
        }
        Ok(())
    }

    fn tool(&mut self, fetch: &'p Fetch) {
        if let Version::Newest(request) = &fetch.version
            && !self
                .tools
                .iter()
                .any(|(known, other)| (&known.package, *other) == (&fetch.package, request.as_str()))
        {
            self.tools.push((fetch, request));
        }
    }

    fn is_empty(&self) -> bool {
        self.bases.is_empty() && self.tools.is_empty()
    }

    fn names(&self) -> Vec<String> {
        let bases = self
            .bases
            .iter()
            .map(|(base, _)| format!("the base `{}`", base.recipe));
        let tools = self
            .tools
            .iter()
            .map(|(fetch, request)| format!("`{}` {request}", fetch.package));
        bases.chain(tools).collect()
    }
}
