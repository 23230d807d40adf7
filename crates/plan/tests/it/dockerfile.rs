//! What Dockerfiles compile to.

mod arguments;
mod bounds;
mod checks;
mod choice;
mod configuration;
mod copies;
mod errors;
mod images;
mod properties;
mod runs;
mod whole;

use std::collections::BTreeMap;

use coracle_plan::dockerfile::{Input, plan, without_image};
use coracle_plan::patterns::Patterns;
use coracle_plan::{
    Arch, DockerfileError, Exec, Known, KnownImage, Op, Place, Plan, Planned, Step, Target, Wanted,
};
use coracle_spec::image::{ImageDocument, RunConfig};
use coracle_spec::{Digest, Failure};

/// A Dockerfile and what it is planned with.
#[derive(Default)]
pub(crate) struct Given {
    pub(crate) text: String,
    pub(crate) stage: Option<&'static str>,
    pub(crate) args: BTreeMap<String, String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) images: BTreeMap<&'static str, RunConfig>,
    pub(crate) target: Option<Target>,
    pub(crate) ignore: Option<Patterns>,
}

impl Given {
    pub(crate) fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            ..Self::default()
        }
    }

    pub(crate) fn arg(mut self, name: &str, value: &str) -> Self {
        self.args.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn stage(self, name: &'static str) -> Self {
        Self {
            stage: Some(name),
            ..self
        }
    }

    pub(crate) fn target(self, arch: Arch, host: Arch) -> Self {
        Self {
            target: Some(Target { arch, host }),
            ..self
        }
    }

    /// Says how an image is run that every other image is not.
    pub(crate) fn image(mut self, name: &'static str, config: RunConfig) -> Self {
        self.images.insert(name, config);
        self
    }

    /// Plans it, looking up whatever it wants.
    pub(crate) fn planned(&self) -> Result<Plan, DockerfileError> {
        let mut known = Known::new();
        for _ in 0..10 {
            match self.once(&known)? {
                Planned::Complete(plan) => return Ok(*plan),
                Planned::Wants(wants) => known.extend(wants.into_keys().map(|wanted| {
                    let image = self.known(&wanted);
                    (wanted, image)
                })),
            }
        }
        unreachable!("it always wants more");
    }

    pub(crate) fn once(&self, known: &Known) -> Result<Planned, DockerfileError> {
        plan(&self.input(), known)
    }

    /// Answers what is said when no image can be had, each with what to do.
    pub(crate) fn without_images(&self) -> String {
        let Ok(Planned::Wants(wants)) = self.once(&Known::new()) else {
            return String::new();
        };
        let errors = wants
            .iter()
            .map(|(wanted, lines)| without_image(&self.input(), wanted, *lines));
        let errors = errors.map(|error| format!("{error}\nhint: {:?}", error.hint()));
        errors.collect::<Vec<_>>().join("\n")
    }

    fn input(&self) -> Input<'_> {
        Input {
            name: "Dockerfile",
            text: &self.text,
            stage: self.stage,
            args: &self.args,
            labels: &self.labels,
            target: self.target.unwrap_or(Target::native(Arch::Amd64)),
            port: None,
            ignore: self.ignore.as_ref(),
        }
    }

    fn known(&self, wanted: &Wanted) -> KnownImage {
        let name = wanted.reference.familiar_name();
        let config = self.images.get(name.as_str()).cloned().unwrap_or_default();
        let mut document = ImageDocument {
            architecture: wanted.arch.name().to_owned(),
            os: "linux".to_owned(),
            config,
            ..ImageDocument::default()
        };
        document
            .rootfs
            .diff_ids
            .push(format!("sha256:{}", "0".repeat(64)));
        KnownImage {
            digest: Digest::of_value(&name),
            document,
        }
    }
}

pub(crate) fn planned(text: &str) -> Plan {
    Given::new(text).planned().unwrap()
}

/// Answers what a user sees of a Dockerfile that cannot be planned.
pub(crate) fn refusal(text: &str) -> String {
    refused(&Given::new(text))
}

pub(crate) fn refused(given: &Given) -> String {
    let error = given.planned().unwrap_err();
    let hint = error.hint().map(|hint| format!("\nhint: {hint}"));
    format!("error: {error}{}", hint.unwrap_or_default())
}

/// Answers the commands of a plan.
pub(crate) fn execs<'a>(plan: &'a Plan) -> Vec<&'a Exec> {
    let exec = |step: &'a Step| match &step.op {
        Op::Exec(exec) => Some(exec),
        _ => None,
    };
    plan.steps.iter().filter_map(exec).collect()
}

/// Answers the places of a plan.
pub(crate) fn places<'a>(plan: &'a Plan) -> Vec<&'a Place> {
    let place = |step: &'a Step| match &step.op {
        Op::Place(place) => Some(place),
        _ => None,
    };
    plan.steps.iter().filter_map(place).collect()
}

pub(crate) fn config(plan: &Plan) -> &RunConfig {
    &plan.image.document.as_ref().unwrap().config
}

pub(crate) fn history(plan: &Plan) -> Vec<&str> {
    let document = plan.image.document.as_ref().unwrap();
    document
        .history
        .iter()
        .map(|entry| entry.created_by.as_str())
        .collect()
}

/// Answers the only command's last word, where a shell's line is.
pub(crate) fn line(text: &str) -> String {
    let plan = planned(text);
    execs(&plan).last().unwrap().command.last().unwrap().clone()
}
