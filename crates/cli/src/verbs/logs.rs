//! `coracle logs`: what instances wrote.

use clap::Args;
use coracle_api::types::{LogLine, LogQuery};
use coracle_spec::FunctionId;

use crate::args::Remote;
use crate::context::Context;
use crate::error::Error;

/// Print what a function's instances wrote
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// The function: NAME, or NAME.NAMESPACE
    name: FunctionId,
    /// Wait for more lines until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// How many of the last lines to print
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = LogQuery::default().tail)]
    tail: u32,
    /// Print one JSON object a line, with time, instance and stream
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Logs {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        let query = LogQuery {
            tail: self.tail,
            follow: self.follow,
        };
        let mut lines = context.client(&self.remote)?.logs(&self.name, &query).await?;
        while let Some(line) = lines.next().await? {
            self.print(&line, context)?;
        }
        Ok(())
    }

    fn print(&self, line: &LogLine, context: &Context) -> Result<(), Error> {
        if self.json {
            return Ok(context.printer.json_line(line)?);
        }
        Ok(context.printer.line(&line.text)?)
    }
}
