//! Applications of Node.

mod bundles;
mod packages;
mod refused;
mod versions;

use coracle_plan::{Fetch, Op, Plan, PlanError, Run, Version};

use crate::folder::{of, planned};

type Files<'a> = &'a [(&'a str, &'a str)];

const SERVER: &str = "import http from 'node:http';\nhttp.createServer(f).listen(1);\n";
const EXPRESS: &str = "import express from 'express';\nexpress().listen(1);\n";
const DEPENDS: &str = "{\"main\": \"a.js\", \"dependencies\": {\"x\": \"1\"}}";
const NPM: &str = "{\"lockfileVersion\": 3, \"packages\": {\"node_modules/x\": {}}}";
const PNPM: &str = "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      x: {specifier: '1', version: 1.0.0}\n";
const YARN: &str = "# yarn lockfile v1\nx@1:\n  version \"1.0.0\"\n";
const BERRY: &str = "__metadata:\n  version: 8\n\n\"x@npm:1\":\n  version: 1.0.0\n";

fn plan_of(files: Files<'_>) -> Plan {
    planned(&of(files), "test").unwrap()
}

fn error_of(files: Files<'_>) -> PlanError {
    planned(&of(files), "test").unwrap_err()
}

fn run<'a>(plan: &'a Plan, id: &str) -> &'a Run {
    match plan.step(&id.into()).map(|step| &step.op) {
        Some(Op::Run(run)) => run,
        other => panic!("{id}: {other:?}"),
    }
}

fn has(plan: &Plan, id: &str) -> bool {
    plan.step(&id.into()).is_some()
}

fn layers(plan: &Plan) -> Vec<&str> {
    plan.image
        .layers
        .iter()
        .map(coracle_plan::StepId::as_str)
        .collect()
}

fn version<'a>(plan: &'a Plan, id: &str) -> &'a Version {
    match plan.step(&id.into()).map(|step| &step.op) {
        Some(Op::Fetch(Fetch { version, .. })) => version,
        other => panic!("{id}: {other:?}"),
    }
}
