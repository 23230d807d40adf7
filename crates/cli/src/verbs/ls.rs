//! `coracle ls`: the functions of a server.

use clap::Args;
use coracle_api::types::FunctionSummary;
use coracle_spec::Namespace;

use crate::age;
use crate::args::{Remote, Reporting};
use crate::context::Context;
use crate::error::Error;
use crate::table::Table;

/// List the functions of the server
#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Only those of one namespace
    #[arg(long, short)]
    namespace: Option<Namespace>,
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    reporting: Reporting,
}

impl Ls {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        let client = context.client(&self.remote)?;
        let functions = client.functions(self.namespace.as_ref()).await?;
        if self.reporting.json {
            return Ok(context.printer.json(&functions)?);
        }
        if functions.is_empty() {
            context
                .printer
                .say("no functions yet: `coracle deploy DIR` makes one");
            return Ok(());
        }
        Ok(context.printer.line(table(&functions))?)
    }
}

fn table(functions: &[FunctionSummary]) -> Table<6> {
    let mut table = Table::new(["NAME", "URL", "REVISION", "IMAGE", "INSTANCES", "DEPLOYED"]);
    for function in functions {
        table.row([
            function.function.to_string(),
            function.url.clone(),
            function.revision.to_string(),
            function.image.short(),
            function.instances.to_string(),
            age::ago(function.deployed_at),
        ]);
    }
    table
}
