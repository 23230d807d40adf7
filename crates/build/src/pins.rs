//! Chooses the exact version of everything that a plan uses and the lock file does not pin yet.

use std::sync::Arc;
use std::time::Instant;

use coracle_debian::Recipe;
use coracle_plan::{Base, Fetch, Lock, Op, Plan, Registry, StepId, Version};
use tokio_util::sync::CancellationToken;

use crate::builder::{Locking, Request, Tools};
use crate::carrier;
use crate::error::BuildError;
use crate::folder::Folder;
use crate::lock_file;
use crate::progress::{Event, Observer};
use crate::steps::base;
use crate::transfer::StepProgress;

/// A plan whose every part is pinned.
pub(crate) struct Pinned {
    pub(crate) plan: Plan,
    pub(crate) lock: Lock,
    /// Whether the lock says something that the file does not.
    pub(crate) changed: bool,
}

/// Which pins are chosen again although they are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refresh {
    /// None.
    Nothing,
    /// The packages of bases.
    Bases,
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
        let mut lock = saved.clone();
        let plan = self.plan(&lock)?;
        let bases = self.unpinned_bases(&plan, &lock, refresh)?;
        let tools: Vec<_> = unpinned_tools(&plan).collect();
        if bases.is_empty() && tools.is_empty() {
            return Ok(Pinned {
                plan,
                lock,
                changed: false,
            });
        }
        if self.request.locking == Locking::Frozen {
            let missing = bases
                .iter()
                .map(|(base, _)| format!("the base `{}`", base.recipe));
            let missing = missing.chain(
                tools
                    .iter()
                    .map(|(fetch, request)| format!("`{}` {request}", fetch.package)),
            );
            return Err(BuildError::NotLocked {
                missing: missing.collect(),
            });
        }
        self.choose(&bases, &tools, &mut lock)?;
        let plan = self.plan(&lock)?;
        lock.retain_used(&plan);
        Ok(Pinned {
            plan,
            changed: lock != saved,
            lock,
        })
    }

    fn plan(&self, lock: &Lock) -> Result<Plan, BuildError> {
        Ok(coracle_plan::plan(
            self.folder,
            &self.request.manifest,
            lock,
            &self.request.target,
        )?)
    }

    fn unpinned_bases<'p>(
        &self,
        plan: &'p Plan,
        lock: &Lock,
        refresh: Refresh,
    ) -> Result<Vec<(&'p Base, Recipe)>, BuildError> {
        let mut unpinned = Vec::new();
        for base in bases(plan) {
            if refresh == Refresh::Bases || !base::is_pinned(lock, base).map_err(BuildError::Base)? {
                unpinned.push((base, base::recipe(base).map_err(BuildError::Base)?));
            }
        }
        Ok(unpinned)
    }

    /// Puts the versions of bases and tools into `lock`, and shows that as a step of its own.
    fn choose(
        &self,
        bases: &[(&Base, Recipe)],
        tools: &[(&Fetch, &str)],
        lock: &mut Lock,
    ) -> Result<(), BuildError> {
        let (step, since) = (StepId::new("lock"), Instant::now());
        let name = "choose versions for `coracle.lock`";
        self.observer.event(Event::Started { step: &step, name });
        let progress = StepProgress::new(&step, self.observer.clone(), self.cancel.clone());
        let pinned = base::pin(&self.tools.debian(), bases, lock, &progress).map_err(BuildError::Base);
        let result = pinned.and_then(|()| self.pin_tools(tools, lock));
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
            let registry = match fetch.registry {
                Registry::Npm => self.tools.surroundings.registries.npm.registry(),
            };
            lock.put_tool(carrier::newest(
                &self.tools.fetcher,
                registry,
                &fetch.package,
                request,
            )?);
        }
        Ok(())
    }
}

fn bases(plan: &Plan) -> impl Iterator<Item = &Base> {
    plan.steps.iter().filter_map(|step| match &step.op {
        Op::Base(base) => Some(base),
        _ => None,
    })
}

fn unpinned_tools(plan: &Plan) -> impl Iterator<Item = (&Fetch, &str)> {
    plan.steps.iter().filter_map(|step| match &step.op {
        Op::Fetch(
            fetch @ Fetch {
                version: Version::Newest(request),
                ..
            },
        ) => Some((fetch, request.as_str())),
        _ => None,
    })
}
