//! Walks a graph of steps: what is in the cache costs a look-up, the rest runs as soon as what it stands on is there.
//!
//! The walk starts at the images' layers and goes down only where something is missing, so that an unchanged
//! dependency layer needs neither its builder root nor anything below it.

mod dockerfile;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use coracle_content::StoreError;
use coracle_plan::{Fetch, Lock, Op, Registry, Step, Tool, Version};
use coracle_spec::Digest;
use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio_util::sync::CancellationToken;

use self::dockerfile::Stands;
use crate::builder::Tools;
use crate::error::{BuildError, StepError};
use crate::folder::Contents;
use crate::graph::{Graph, Node};
use crate::outcome::Outcome;
use crate::prepared::Remote;
use crate::progress::{Event, Observer};
use crate::request::{Reuse, SecretValue, Tenant};
use crate::steps::copy::Source;
use crate::steps::fetch::ToolError;
use crate::steps::place::ContextFiles;
use crate::steps::run::Workshop;
use crate::steps::{base, blocking, copy, fetch, image, write};
use crate::transfer::StepProgress;

/// The kind of lock under which a step is carried out: once, however many builds want it.
const STEP_LOCK: &str = "steps";

/// What one step took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Took {
    pub(crate) cached: bool,
    pub(crate) duration: Duration,
}

/// A graph being carried out.
pub(crate) struct Execution<'a> {
    pub(crate) tools: &'a Tools,
    pub(crate) graph: &'a Graph<'a>,
    pub(crate) lock: &'a Lock,
    pub(crate) folder: &'a Path,
    /// What the source's files are that any step reads.
    pub(crate) contents: &'a Contents,
    pub(crate) tenant: Option<&'a Tenant>,
    pub(crate) context: &'a Arc<ContextFiles>,
    pub(crate) remote: &'a Remote,
    pub(crate) reuse: Reuse,
    pub(crate) secrets: &'a BTreeMap<String, SecretValue>,
    pub(crate) observer: &'a Arc<dyn Observer>,
    /// This execution's own: a step that fails cancels it.
    pub(crate) cancel: &'a CancellationToken,
}

/// What was carried out, by the steps' keys.
#[derive(Default)]
pub(crate) struct Executed {
    pub(crate) outcomes: BTreeMap<Digest, Outcome>,
    pub(crate) took: BTreeMap<Digest, Took>,
}

impl Execution<'_> {
    /// Sees to it that what the steps with the keys `wanted` result in is there.
    ///
    /// When a step fails, those that still run are ended before the error is answered.
    pub(crate) async fn run(&self, wanted: BTreeSet<Digest>) -> Result<Executed, BuildError> {
        let mut executed = Executed::default();
        let mut waiting = self.missing(wanted, &mut executed)?;
        let mut running = FuturesUnordered::new();
        let mut failure = None;
        loop {
            if failure.is_none() {
                let (ready, rest): (Vec<_>, Vec<_>) = waiting
                    .into_iter()
                    .partition(|node| node.needs.iter().all(|key| executed.outcomes.contains_key(key)));
                waiting = rest;
                running.extend(
                    ready
                        .into_iter()
                        .map(|node| self.step(node, roots(node, &executed))),
                );
            } else {
                waiting = Vec::new();
            }
            match running.next().await {
                None => break,
                Some((node, Ok((outcome, took)))) => {
                    executed.outcomes.insert(node.key, outcome);
                    executed.took.insert(node.key, took);
                }
                Some((node, Err(source))) => {
                    self.cancel.cancel();
                    let error = || BuildError::Step {
                        step: node.step.name.clone(),
                        excerpt: node.excerpt.map(str::to_owned),
                        source: Box::new(source),
                    };
                    failure = failure.or_else(|| Some(error()));
                }
            }
        }
        failure.map_or(Ok(executed), Err)
    }

    /// Answers the steps that must be carried out, and puts what is cached into `executed`.
    fn missing(
        &self,
        mut wanted: BTreeSet<Digest>,
        executed: &mut Executed,
    ) -> Result<Vec<&Node<'_>>, BuildError> {
        let mut missing = Vec::new();
        for node in self.graph.nodes.iter().rev() {
            if !wanted.contains(&node.key) {
                continue;
            }
            if let Some(outcome) = self.cached(node)? {
                executed.outcomes.insert(node.key, outcome);
            } else {
                wanted.extend(&node.needs);
                missing.push(node);
            }
        }
        missing.reverse();
        Ok(missing)
    }

    async fn step<'s>(
        &self,
        node: &'s Node<'s>,
        roots: Vec<Outcome>,
    ) -> (&'s Node<'s>, Result<(Outcome, Took), StepError>) {
        self.observer.event(Event::Started {
            step: &node.step.id,
            name: &node.step.name,
        });
        let since = Instant::now();
        let result = self.once(node, roots).await;
        let duration = since.elapsed();
        match &result {
            Ok((_, cached)) => {
                self.observer.event(Event::Finished {
                    step: &node.step.id,
                    cached: *cached,
                    duration,
                });
            }
            Err(_) if self.cancel.is_cancelled() => {}
            Err(_) => self.observer.event(Event::Failed {
                step: &node.step.id,
                duration,
            }),
        }
        (
            node,
            result.map(|(outcome, cached)| (outcome, Took { cached, duration })),
        )
    }

    /// Carries a step out unless somebody else just did; answers whether it was there already.
    async fn once(&self, node: &Node<'_>, roots: Vec<Outcome>) -> Result<(Outcome, bool), StepError> {
        let key = node.key;
        let store = self.tools.store.clone();
        let guard = blocking(move || store.lock(STEP_LOCK, &key)).await?;
        if let Some(outcome) = self.cached(node)? {
            return Ok((outcome, true));
        }
        let outcome = self.carry_out(node, roots).await?;
        outcome.keep(&self.tools.store, &key)?;
        drop(guard);
        Ok((outcome, false))
    }

    /// Answers what a step resulted in before, unless it is to be carried out again. What an image of a registry is,
    /// its digest says for ever.
    fn cached(&self, node: &Node<'_>) -> Result<Option<Outcome>, StoreError> {
        if self.reuse == Reuse::Nothing && !matches!(node.step.op, Op::Image(_)) {
            return Ok(None);
        }
        Outcome::cached(&self.tools.store, &node.key)
    }

    async fn carry_out(&self, node: &Node<'_>, roots: Vec<Outcome>) -> Result<Outcome, StepError> {
        let step: &Step = &node.step;
        let (tools, progress) = (
            self.tools,
            StepProgress::new(&step.id, Arc::clone(self.observer), self.cancel.clone()),
        );
        let store = tools.store.clone();
        match &step.op {
            Op::Base(recipe) => {
                let (debian, locked) = (tools.debian(), base::pinned(self.lock, recipe)?);
                Ok(blocking(move || base::assemble(&debian, &locked, &progress)).await?)
            }
            Op::Fetch(what) => {
                let (tools, what) = (tools.clone(), what.clone());
                Ok(blocking(move || fetched(&tools, &what, &progress)).await?)
            }
            Op::Copy(what) => {
                let source = Source {
                    folder: self.folder.to_owned(),
                    contents: self.contents.clone(),
                };
                let what = what.clone();
                Ok(blocking(move || copy::copy(&store, &source, &what)).await?.into())
            }
            Op::Write(what) => {
                let what = what.clone();
                Ok(blocking(move || write::write(&store, &what)).await?.into())
            }
            Op::Image(what) => {
                let registries = tools.registries(self.tenant);
                Ok(image::pull((&store, &registries), what, self.cancel).await?)
            }
            Op::Exec(what) => Ok(self.exec(step, what, Stands::of(step, roots)).await?.into()),
            Op::Place(what) => Ok(self.place(what, Stands::of(step, roots)).await?.into()),
            Op::MakeFolder(what) => Ok(self.make_folder(what, roots).await?.into()),
            Op::Run(what) => {
                let lowers = self.trees(roots).await?;
                Ok(self.workshop().run(step, what, lowers).await?.into())
            }
        }
    }

    /// Answers the unpacked trees of layers, lowest first.
    pub(super) async fn trees(&self, roots: Vec<Outcome>) -> Result<Vec<PathBuf>, StepError> {
        let store = self.tools.store.clone();
        blocking(move || {
            let mut trees = Vec::new();
            for outcome in &roots {
                trees.extend(outcome.roots(&store)?);
            }
            Ok(trees)
        })
        .await
    }

    pub(super) fn workshop(&self) -> Workshop<'_> {
        Workshop {
            store: &self.tools.store,
            sandboxes: &*self.tools.sandboxes,
            surroundings: &self.tools.surroundings,
            folder: self.folder,
            contents: self.contents,
            tenant: self.tenant,
            secrets: self.secrets,
            observer: &**self.observer,
            cancel: self.cancel,
        }
    }
}

/// Answers what a step stands on, lowest first.
fn roots(node: &Node<'_>, executed: &Executed) -> Vec<Outcome> {
    node.needs
        .iter()
        .filter_map(|key| executed.outcomes.get(key))
        .cloned()
        .collect()
}

/// Fetches a pinned tool from where its language keeps them.
fn fetched(tools: &Tools, what: &Fetch, progress: &StepProgress) -> Result<Outcome, ToolError> {
    let (from, parts) = ((&tools.store, &tools.fetcher), &what.unpack);
    let (tool, registries) = (pinned(what), &tools.surroundings.registries);
    let tree = match what.registry {
        Registry::Npm => {
            let registry = registries.npm.registry();
            return Ok(fetch::fetch(from, registry, &tool, parts, progress)?.into());
        }
        Registry::Go => fetch::fetch_toolchain(from, registries.go.proxy(), &tool, parts, progress)?,
        Registry::PyPi => fetch::fetch_wheel(from, &registries.pip, &tool, parts, progress)?,
    };
    Ok(Outcome::of_trees([*tree.digest()]))
}

/// Answers the tool that a fetch is pinned to.
fn pinned(fetch: &Fetch) -> Tool {
    let (version, integrity, path) = match &fetch.version {
        Version::Exact {
            version,
            integrity,
            path,
        } => (version.clone(), integrity.clone(), path.clone()),
        Version::Newest(request) => (request.clone(), String::new(), String::new()),
    };
    Tool {
        name: fetch.package.clone(),
        request: version.clone(),
        version,
        integrity,
        path,
    }
}
