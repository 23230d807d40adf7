//! `coracle runtimes`: what a new function can begin with.

use clap::Args;
use coracle_plan::runtimes;
use serde::Serialize;

use crate::args::Reporting;
use crate::context::Context;
use crate::error::Error;
use crate::table::Table;

/// List what a new function can begin with
#[derive(Debug, Args)]
pub(crate) struct Runtimes {
    #[command(flatten)]
    reporting: Reporting,
}

/// A runtime, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    summary: &'static str,
}

impl Runtimes {
    #[expect(clippy::unused_async, reason = "verbs are run alike")]
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        let rows = runtimes::all().iter().map(|runtime| Row {
            name: runtime.name(),
            summary: runtime.summary(),
        });
        if self.reporting.json {
            return Ok(context.printer.json(&rows.collect::<Vec<_>>())?);
        }
        let mut table = Table::new(["NAME", "WHAT"]);
        for row in rows {
            table.row([row.name.to_owned(), row.summary.to_owned()]);
        }
        Ok(context.printer.line(table)?)
    }
}
