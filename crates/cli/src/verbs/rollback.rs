//! `coracle rollback`: an earlier revision serves again.

use clap::Args;
use coracle_spec::FunctionId;

use super::deploy::summary;
use crate::args::{Remote, Reporting};
use crate::context::Context;
use crate::error::Error;

/// Lead a function back to an earlier revision
///
/// The revision starts and answers its probe before it gets any traffic, as in a deploy. If it does not, whatever served
/// before goes on serving. `coracle revisions NAME` lists what there is to go back to.
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// The function: NAME, or NAME.NAMESPACE
    name: FunctionId,
    /// The revision to serve again [default: the last one before the current that was ready]
    #[arg(long, value_name = "REVISION", value_parser = clap::value_parser!(u64).range(1..))]
    to: Option<u64>,
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    reporting: Reporting,
}

impl Rollback {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        let client = context.client(&self.remote)?;
        let deployed = client.roll_back(&self.name, self.to).await?;
        if self.reporting.json {
            return Ok(context.printer.json(&deployed)?);
        }
        context.printer.say(summary(&deployed));
        Ok(context.printer.line(&deployed.url)?)
    }
}
