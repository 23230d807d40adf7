//! `coracle describe`: everything about one function.

mod page;

use clap::Args;
use coracle_spec::FunctionId;

use self::page::Page;
use crate::args::{Remote, Reporting};
use crate::context::Context;
use crate::error::Error;

/// Show how a function does, and why it does not
///
/// Of environment variables and secrets only the names are shown.
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
