//! From the target's state to a plan.

use std::collections::BTreeMap;

use super::Input;
use super::error::DockerfileError;
use super::stage::{Shared, State};
use crate::plan::{ImagePlan, Plan};

/// What plans of Dockerfiles are called.
pub(super) const RUNTIME: &str = "dockerfile";

/// The port, when neither the manifest nor the image names one.
const PORT: u16 = 8080;

/// Answers the plan whose image is what a stage has come to.
pub(super) fn plan(mut shared: Shared<'_>, target: usize, why: String) -> Result<Plan, DockerfileError> {
    let mut state = shared
        .done
        .remove(&target)
        .unwrap_or_else(|| State::of_nothing(shared.input.target.arch));
    let labels = shared.input.labels.clone();
    state.document.config.labels.extend(labels);
    Ok(Plan {
        runtime: RUNTIME.to_owned(),
        why: vec![why],
        warnings: shared.checks.finish()?,
        steps: shared.steps.done,
        image: image(state, shared.input),
        excerpts: shared.steps.excerpts,
    })
}

fn image(state: State, input: &Input<'_>) -> ImagePlan {
    let config = &state.document.config;
    let env: BTreeMap<String, String> = config
        .env
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    ImagePlan {
        entrypoint: config.entrypoint.clone().unwrap_or_default(),
        command: config.cmd.clone().unwrap_or_default(),
        env,
        workdir: match config.working_dir.as_str() {
            "" => "/".to_owned(),
            path => path.to_owned(),
        },
        user: config.user.clone(),
        port: input.port.or_else(|| port(&state)).unwrap_or(PORT),
        labels: config.labels.clone(),
        layers: state.layers,
        document: Some(state.document),
    }
}

/// Answers the port that the image's program probably listens on: the first that the file names, else the lowest that the
/// base does.
fn port(state: &State) -> Option<u16> {
    let exposed = state.document.config.exposed_ports.keys();
    let of_base = exposed.filter_map(|name| name.strip_suffix("/tcp")?.parse().ok());
    state.ports.first().copied().or_else(|| of_base.min())
}
