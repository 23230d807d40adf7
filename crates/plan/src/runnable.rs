//! Whether the machine that builds can run what a plan runs.
//!
//! An image for other processors is made of files alone: packages, wheels, bundles, what a cross-compiler writes. A
//! language that needs more says so itself, with its own words and a way out. This check is behind all of them: a
//! command never starts on a root whose programs are for other processors. An emulator lost: it is many times
//! slower, is the host's to install, and fails where a program asks what it runs on.

use crate::error::PlanError;
use crate::op::{Op, Run};
use crate::plan::Plan;
use crate::step::{Step, StepId};
use crate::target::Target;

/// Refuses a plan with a command that the machine that builds cannot run.
pub(crate) fn check(plan: &Plan, target: Target) -> Result<(), PlanError> {
    let foreign = |run: &Run| run.root.iter().any(|id| is_foreign(plan, id, target));
    let refused = plan
        .steps
        .iter()
        .find(|step| matches!(&step.op, Op::Run(run) if foreign(run)));
    refused.map_or(Ok(()), |step| Err(error(step, target)))
}

fn is_foreign(plan: &Plan, id: &StepId, target: Target) -> bool {
    matches!(plan.step(id).map(|step| &step.op), Some(Op::Base(base)) if base.arch != target.host)
}

fn error(step: &Step, target: Target) -> PlanError {
    PlanError::Foreign {
        what: format!(
            "the step `{}` ({}) runs programs of {}",
            step.id,
            step.name,
            target.arch.name()
        ),
        target,
        instead: format!("build it on a machine with {} processors", target.arch.name()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use coracle_spec::Failure;
    use coracle_spec::revision::Network;

    use super::*;
    use crate::op::{Base, BaseKind};
    use crate::plan::ImagePlan;
    use crate::target::Arch;

    fn plan(base: Arch) -> Plan {
        let step = |id: &str, op| Step {
            id: id.into(),
            name: format!("{id} it"),
            op,
        };
        let base = Base {
            recipe: "any".to_owned(),
            release: "trixie".to_owned(),
            arch: base,
            kind: BaseKind::Builder,
            packages: Vec::new(),
        };
        let run = Run {
            root: vec!["base".into()],
            command: Vec::new(),
            env: BTreeMap::new(),
            workdir: String::new(),
            inputs: Vec::new(),
            caches: Vec::new(),
            network: Network::None,
            capture: Vec::new(),
        };
        Plan {
            runtime: "any".to_owned(),
            why: Vec::new(),
            warnings: Vec::new(),
            steps: vec![step("base", Op::Base(base)), step("compile", Op::Run(run))],
            image: ImagePlan {
                layers: vec!["compile".into()],
                entrypoint: Vec::new(),
                command: Vec::new(),
                env: BTreeMap::new(),
                workdir: String::new(),
                user: String::new(),
                port: 8080,
                labels: BTreeMap::new(),
                document: None,
            },
            excerpts: BTreeMap::new(),
        }
    }

    #[test]
    fn a_command_on_a_root_for_other_processors_is_refused_and_says_what_and_why() {
        let target = Target {
            arch: Arch::Arm64,
            host: Arch::Amd64,
        };
        assert!(check(&plan(Arch::Amd64), target).is_ok());
        let error = check(&plan(Arch::Arm64), target).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no image for arm64 can be built on amd64: the step `compile` (compile it) runs programs of arm64"
        );
        assert_eq!(
            error.hint().unwrap(),
            "build it on a machine with arm64 processors"
        );
        assert!(check(&plan(Arch::Arm64), Target::native(Arch::Arm64)).is_ok());
    }
}
