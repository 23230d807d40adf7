//! `coracle describe`: everything about one function.

use std::fmt;

use clap::Args;
use coracle_api::types::FunctionDetail;
use coracle_spec::FunctionId;

use crate::age;
use crate::args::{Remote, Reporting};
use crate::context::Context;
use crate::error::Error;
use crate::table::Table;

/// Show a function: its revision, instances and last events
#[derive(Debug, Args)]
pub(crate) struct Describe {
    /// The function: NAME, or NAME.NAMESPACE
    name: FunctionId,
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    reporting: Reporting,
}

impl Describe {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        let function = context.client(&self.remote)?.function(&self.name).await?;
        if self.reporting.json {
            return Ok(context.printer.json(&function)?);
        }
        Ok(context.printer.line(Page(&function))?)
    }
}

/// A function as people read it.
struct Page<'a>(&'a FunctionDetail);

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(function) = self;
        let config = &function.revision.config;
        writeln!(f, "name      {}", function.function)?;
        writeln!(f, "url       {}", function.url)?;
        writeln!(
            f,
            "revision  {}, made {}",
            function.revision.number,
            age::ago(function.revision.created_at)
        )?;
        writeln!(f, "image     {}", function.revision.image)?;
        write!(
            f,
            "scale     {} to {} instances, {} requests at once in each",
            config.scale.min, config.scale.max, config.scale.concurrency
        )?;
        self.instances(f)?;
        self.events(f)
    }
}

impl Page<'_> {
    fn instances(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.instances.is_empty() {
            return write!(f, "\n\nno instances: the next request starts one");
        }
        let mut table = Table::new(["INSTANCE", "REVISION", "STATE", "REQUESTS", "AGE"]);
        for instance in &self.0.instances {
            table.row([
                instance.id.clone(),
                instance.revision.to_string(),
                instance.state.clone(),
                instance.in_flight.to_string(),
                age::rough(instance.age_seconds),
            ]);
        }
        write!(f, "\n\n{table}")
    }

    fn events(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.events.is_empty() {
            return Ok(());
        }
        let mut table = Table::new(["WHEN", "EVENT", "MESSAGE"]);
        for event in &self.0.events {
            table.row([age::ago(event.at), event.kind.clone(), event.message.clone()]);
        }
        write!(f, "\n\n{table}")
    }
}
