//! `coracle plan`: what a build would do.

use std::fmt::Write;

use clap::Args;
use coracle_plan::{Op, Plan as BuildPlan, Step, StepId};
use coracle_spec::Counted;

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
        let request = self.source.images(Lock::default(), &[])?;
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

/// The longest line of a command that is shown; `--json` has all of it.
const COMMAND: usize = 96;

/// Answers a plan as people read it.
fn page(plan: &BuildPlan) -> String {
    let mut text = format!("runtime  {}\n", plan.runtime);
    for why in &plan.why {
        let _ = writeln!(text, "         {why}");
    }
    text.push_str("\nsteps\n");
    let width = plan
        .steps
        .iter()
        .map(|step| step.id.as_str().len())
        .max()
        .unwrap_or(0);
    for step in &plan.steps {
        let _ = writeln!(text, "  {:<width$}  {}", step.id.as_str(), step.name);
        let _ = writeln!(text, "  {:<width$}    {}", "", detail(step));
    }
    image(plan, &mut text);
    text
}

fn image(plan: &BuildPlan, text: &mut String) {
    let image = &plan.image;
    let layers: Vec<&str> = image.layers.iter().map(StepId::as_str).collect();
    let start: Vec<&str> = image
        .entrypoint
        .iter()
        .chain(&image.command)
        .map(String::as_str)
        .collect();
    text.push_str("\nimage\n");
    for (name, value) in [
        ("layers", layers.join(" · ")),
        ("start", start.join(" ")),
        ("workdir", image.workdir.clone()),
        ("user", image.user.clone()),
        ("port", image.port.to_string()),
    ] {
        let _ = writeln!(text, "  {name:<7}  {value}");
    }
}

/// Answers the line beneath a step's name.
fn detail(step: &Step) -> String {
    match &step.op {
        Op::Base(base) => format!("Debian {}: {}", base.release, base.packages.join(" ")),
        Op::Fetch(fetch) => format!("package {}", fetch.package),
        Op::Run(run) => format!("$ {}", shortened(&run.command.join(" "))),
        Op::Copy(copy) => format!("{} to {}", Counted(copy.files.len(), "file"), copy.to),
        Op::Write(write) => format!("{} of its own", Counted(write.files.len(), "file")),
        Op::Image(image) => format!("image {}", image.reference),
        Op::Exec(exec) => format!("$ {}", shortened(&exec.command.join(" "))),
        Op::Place(place) => format!("files to {}", place.to),
        Op::MakeFolder(folder) => format!("folder {}", folder.path),
    }
}

fn shortened(command: &str) -> String {
    let line = command.lines().next().unwrap_or_default();
    if line == command && line.chars().count() <= COMMAND {
        return line.to_owned();
    }
    line.chars().take(COMMAND).collect::<String>() + "…"
}
