//! From a Dockerfile to a plan.
//!
//! [`plan`](plan()) is what BuildKit's front end `docker/dockerfile:1` is to BuildKit: it walks the stages that the target
//! needs, replaces variables, and answers steps and the image's configuration. It does no input or output either, which
//! costs one detour: what an image of a registry is has to be looked up, and an image may hold instructions
//! (`ONBUILD`) that name further ones. So a plan may *want* images; the caller looks them up and asks again, until
//! nothing is wanted. Giving the compiler something to look images up with lost: plans could not be made from what is
//! written down, and everything here would wait for networks.

mod checks;
mod choice;
mod error;
mod finish;
mod graph;
mod path;
mod platform;
mod scope;
mod stage;
mod steps;
mod text;
mod unused;

use std::collections::BTreeMap;

use coracle_dockerfile::{Dockerfile, Lines};
use coracle_spec::image::ImageDocument;
use coracle_spec::{Digest, ImageRef, nearest};

use self::checks::Checks;
use self::error::Wrong;
use self::graph::{Graph, Making};
use self::stage::Shared;
use self::steps::Steps;
use crate::patterns::Patterns;
use crate::plan::Plan;
use crate::target::{Arch, Target};

pub use choice::{Choice, FILE_NAME, chosen};
pub use error::DockerfileError;

/// What a Dockerfile is planned with.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The Dockerfile's name, for messages.
    pub name: &'a str,
    /// What is in it.
    pub text: &'a str,
    /// The stage that becomes the image, by name or number; the last one when nothing is said.
    pub stage: Option<&'a str>,
    /// The values of variables (`--build-arg`). Proxies among them reach commands without being in keys or history.
    pub args: &'a BTreeMap<String, String>,
    /// Labels that the image gets beside the Dockerfile's.
    pub labels: &'a BTreeMap<String, String>,
    /// What the image is for, and where it is built.
    pub target: Target,
    /// The port that the application listens on, when the manifest says.
    pub port: Option<u16>,
    /// What the context's ignore file leaves out, for warnings about copying it.
    pub ignore: Option<&'a Patterns>,
}

/// An image that has to be looked up before there is a plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// Its name.
    pub reference: ImageRef,
    /// The processors that it is for.
    pub arch: Arch,
}

/// What an image of a registry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownImage {
    /// The digest of the manifest for the processors that were asked for.
    pub digest: Digest,
    /// Its configuration.
    pub document: ImageDocument,
}

/// The images that were looked up so far.
pub type Known = BTreeMap<Wanted, KnownImage>;

/// What became of a Dockerfile.
#[derive(Debug)]
pub enum Planned {
    /// There is a plan.
    Complete(Box<Plan>),
    /// These images have to be looked up first; with the first lines that name each.
    Wants(BTreeMap<Wanted, Lines>),
}

/// Plans a Dockerfile, as far as what is known of images goes.
///
/// It is called again with what it wants added to `known`, until it is complete. Whatever is wrong with stages that the
/// target does not need is no error, as long as they can be read.
///
/// # Errors
/// What is wrong, with the Dockerfile's lines.
pub fn plan(input: &Input<'_>, known: &Known) -> Result<Planned, DockerfileError> {
    let file = parsed(input)?;
    let mut checks = Checks::new(input, &file)?;
    checks::whole::check(&file, &mut checks);
    let last = file.stages.last().and_then(|stage| stage.name.as_deref());
    let predefined = scope::predefined(input, last);
    checks::bases::check(&file, &predefined, &mut checks);
    let globals =
        scope::global(&file, input.args, predefined).map_err(|(wrong, lines)| wrong.at(input, lines))?;
    let mut graph = Graph::new(
        &file,
        &mut Making {
            input,
            escape: file.escape,
            arguments: &file.arguments,
            globals: &globals,
            checks: &mut checks,
        },
    )?;
    let target = target(&graph, &file, input)?;
    let reach = graph.resolve(target, known, input)?;
    if !reach.wants.is_empty() {
        return Ok(Planned::Wants(reach.wants));
    }
    let mut shared = Shared {
        input,
        known,
        escape: file.escape,
        globals,
        checks,
        steps: Steps::default(),
        done: BTreeMap::new(),
    };
    for index in reach.stages {
        shared.carry_out(index, &graph.stages[index], graph.step_name(index))?;
    }
    let why = why(&graph, target, input);
    let mut plan = finish::plan(shared, target, why)?;
    plan.warnings.extend(unused::arguments(&file, &graph, input));
    Ok(Planned::Complete(Box::new(plan)))
}

/// Says that an image that is wanted on `lines` cannot be had. Its name may be a stage's, mistyped.
pub fn without_image(input: &Input<'_>, wanted: &Wanted, lines: Lines) -> DockerfileError {
    let image = wanted.reference.familiar_name();
    let wrong = Wrong::new(format!("cannot have the image `{image}`"));
    let stages = coracle_dockerfile::parse(input.text).map_or_else(|_| Vec::new(), |file| file.stages);
    let stages = stages.iter().filter_map(|stage| stage.name.as_deref());
    let wrong = match nearest(image.trim_end_matches(":latest"), stages) {
        Some(stage) => wrong.hint(format!("no stage is called so: did you mean `{stage}`?")),
        None => wrong,
    };
    wrong.at(input, lines)
}

/// The most instructions of a file.
const MOST: usize = 10_000;

fn parsed(input: &Input<'_>) -> Result<Dockerfile, DockerfileError> {
    let file =
        coracle_dockerfile::parse(input.text).map_err(|error| DockerfileError::parse(input, &error))?;
    let own: usize = file.stages.iter().map(|stage| stage.instructions.len()).sum();
    if own + file.stages.len() + file.arguments.len() > MOST {
        let wrong = Wrong::new(format!("there are more than {MOST} instructions"));
        return Err(wrong.at(input, Lines::one(1)));
    }
    Ok(file)
}

/// Answers the number of the stage that becomes the image.
fn target(graph: &Graph, file: &Dockerfile, input: &Input<'_>) -> Result<usize, DockerfileError> {
    let lines = file.stages.last().map(|stage| stage.lines);
    graph
        .target(input.stage)
        .map_err(|wrong: Wrong| wrong.at(input, lines.unwrap_or(Lines::one(1))))
}

fn why(graph: &Graph, target: usize, input: &Input<'_>) -> String {
    match (&graph.stages[target].name, input.stage) {
        (Some(name), Some(_)) => format!("`{}` says how, up to the stage `{name}`", input.name),
        _ => format!("`{}` says how", input.name),
    }
}
