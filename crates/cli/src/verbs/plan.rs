//! `coracle plan`: what a build would do.

use std::fmt::Write;

use clap::Args;
use coracle_plan::{Op, Plan as BuildPlan, Step};

use crate::args::Reporting;
use crate::context::Context;
use crate::engine::Engine;
use crate::error::Error;
use crate::project::{Lock, Source};

/// Show what a build would do, without doing it
#[derive(Debug, Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    reporting: Reporting,
}

impl Plan {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        let request = self.source.request(Lock::default())?;
        let engine = Engine::open(context)?;
        let plan = engine.builder.plan(&request).await?;
        if self.reporting.json {
            return Ok(context.printer.json(&plan)?);
        }
        for warning in &plan.warnings {
            context.printer.warn(warning);
        }
        Ok(context.printer.line(page(&plan).trim_end())?)
    }
}

/// Answers a plan as people read it.
fn page(plan: &BuildPlan) -> String {
    let mut text = format!("runtime  {}\n", plan.runtime);
    for why in &plan.why {
        let _ = writeln!(text, "         {why}");
    }
    text.push_str("\nsteps\n");
    for step in &plan.steps {
        let _ = writeln!(text, "  {:<14} {}", step.id.as_str(), step.name);
        for detail in details(step) {
            let _ = writeln!(text, "  {:<14}   {detail}", "");
        }
    }
    let image = &plan.image;
    let layers: Vec<&str> = image.layers.iter().map(coracle_plan::StepId::as_str).collect();
    let start: Vec<&str> = image
        .entrypoint
        .iter()
        .chain(&image.command)
        .map(String::as_str)
        .collect();
    let _ = write!(
        text,
        "\nimage\n  layers   {}\n  start    {}\n  workdir  {}\n  user     {}\n  port     {}\n",
        layers.join(" · "),
        start.join(" "),
        image.workdir,
        image.user,
        image.port
    );
    text
}

/// Answers the lines beneath a step's name.
fn details(step: &Step) -> Vec<String> {
    match &step.op {
        Op::Base(base) => vec![format!("Debian {}: {}", base.release, base.packages.join(" "))],
        Op::Fetch(fetch) => vec![format!("package {}", fetch.package)],
        Op::Run(run) => vec![format!("$ {}", run.command.join(" "))],
        Op::Copy(copy) => vec![format!("{} files to {}", copy.files.len(), copy.to)],
        Op::Write(write) => vec![format!("{} files", write.files.len())],
    }
}
