//! `coracle rm`: removing functions.

use clap::Args;
use coracle_spec::FunctionId;

use crate::args::Remote;
use crate::context::Context;
use crate::error::Error;

/// Remove functions with their revisions and logs
#[derive(Debug, Args)]
pub(crate) struct Rm {
    /// The functions: NAME, or NAME.NAMESPACE
    #[arg(required = true)]
    names: Vec<FunctionId>,
    #[command(flatten)]
    remote: Remote,
}

impl Rm {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        let client = context.client(&self.remote)?;
        for name in &self.names {
            client.remove_function(name).await?;
            context.printer.say(format_args!("removed `{name}`"));
        }
        Ok(())
    }
}
