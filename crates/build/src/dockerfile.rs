//! Preparing the build of a Dockerfile: reading it, looking up the images that it names, and listing its context.

mod error;
mod images;
mod material;
mod selection;
mod text;

use std::sync::Arc;

use coracle_plan::dockerfile::{Input, without_image};
use coracle_plan::{Known, Op, Plan, Planned, Target};
use coracle_spec::revision::Network;
use tokio_util::sync::CancellationToken;

pub use error::DockerfileBuildError;
pub use selection::{Selected, Selection, What};

use self::images::Images;
use self::material::Gathering;
use self::text::Text;
use crate::builder::Tools;
use crate::context::Context;
use crate::error::BuildError;
use crate::key::{Salt, keys_of};
use crate::prepared::{Aim, Prepared, Read};
use crate::progress::Observer;
use crate::request::{CommandNetwork, Request};
use crate::steps::blocking;
use crate::steps::place::ContextFiles;

/// The most rounds of looking images up: each round finds what the images of the last one name.
const MOST_ROUNDS: usize = 32;

/// A build of a Dockerfile that is being prepared.
pub(crate) struct Preparing<'a> {
    pub(crate) tools: &'a Tools,
    pub(crate) request: &'a Request,
    pub(crate) observer: &'a Arc<dyn Observer>,
    pub(crate) cancel: &'a CancellationToken,
}

impl Preparing<'_> {
    /// Prepares the build, if the request is one of a Dockerfile.
    pub(crate) async fn prepare(&self) -> Result<Option<Prepared>, BuildError> {
        let Some(text) = self.text().await? else {
            return Ok(None);
        };
        let mut plans = Vec::new();
        for target in self.request.targets() {
            plans.push((*target, self.plan(&text, *target).await?));
        }
        let (tools, salt) = (
            self.tools.clone(),
            Salt {
                tenant: self.request.tenant.clone(),
            },
        );
        let (read, aims) = blocking(move || keyed(&tools, &text, plans, &salt)).await?;
        Ok(Prepared::of_dockerfile(read, aims, self.request))
    }

    /// Plans the build for the request's first target, if it is one of a Dockerfile.
    pub(crate) async fn plan_only(&self) -> Result<Option<Plan>, BuildError> {
        match self.text().await? {
            Some(text) => Ok(Some(self.plan(&text, self.request.target).await?)),
            None => Ok(None),
        }
    }

    async fn text(&self) -> Result<Option<Text>, BuildError> {
        let (store, request) = (self.tools.store.clone(), self.request.clone());
        blocking(move || Text::read(&store, &request)).await
    }

    async fn plan(&self, text: &Text, target: Target) -> Result<Plan, BuildError> {
        let options = &self.request.dockerfile;
        let (args, labels) = (self.request.args(), self.request.labels());
        let stage = options.stage.as_deref();
        let input = Input {
            name: &text.name,
            text: &text.body,
            stage: stage.or(self.request.manifest.build.target.as_deref()),
            args: &args,
            labels: &labels,
            target,
            port: self.request.manifest.revision.port,
            ignore: Some(&text.ignore),
        };
        let images = Images {
            tools: self.tools,
            tenant: self.request.tenant.as_ref(),
            pull: options.pull,
            observer: self.observer,
            cancel: self.cancel,
        };
        let mut known = Known::new();
        for _ in 0..MOST_ROUNDS {
            match coracle_plan::dockerfile::plan(&input, &known).map_err(DockerfileBuildError::from)? {
                Planned::Complete(mut plan) => {
                    for excerpt in plan.excerpts.values_mut() {
                        excerpt.insert_str(0, &format!("`{}`, ", text.name));
                    }
                    if options.network == CommandNetwork::None {
                        cut_off(&mut plan);
                    }
                    return Ok(*plan);
                }
                Planned::Wants(wanted) => {
                    for (wanted, lines) in wanted {
                        let looked_up = Box::pin(images.look_up(&wanted)).await;
                        let image = looked_up.map_err(|source| DockerfileBuildError::Image {
                            place: Box::new(without_image(&input, &wanted, lines)),
                            source: Box::new(source),
                        })?;
                        known.insert(wanted, image);
                    }
                }
            }
        }
        Err(DockerfileBuildError::TooDeep.into())
    }
}

/// Takes the network from all commands.
fn cut_off(plan: &mut Plan) {
    for step in &mut plan.steps {
        if let Op::Exec(exec) = &mut step.op {
            exec.network = Network::None;
        }
    }
}

/// Lists the context, and answers what steps read of it and of the web, and the plans with the keys of their steps.
fn keyed(
    tools: &Tools,
    text: &Text,
    plans: Vec<(Target, Plan)>,
    salt: &Salt,
) -> Result<(Read, Vec<Aim>), BuildError> {
    let context = Context::open(&tools.store, &text.context, &text.ignore)?;
    let mut gathering = Gathering::new((tools, salt.tenant.as_ref()), &context);
    let mut aims = Vec::new();
    for (target, plan) in plans {
        let keys = keys_of(&plan, salt, |step| {
            gathering.material(&step.op).map_err(|source| BuildError::Step {
                step: step.name.clone(),
                excerpt: plan.excerpts.get(&step.id).cloned(),
                source: Box::new(source),
            })
        })?;
        aims.push(Aim::new(target, plan, keys));
    }
    let Gathering { digests, remote, .. } = gathering;
    let listing = context.remember()?;
    let context = ContextFiles { listing, digests };
    Ok((Read { context, remote }, aims))
}
