//! `coracle revisions`: a function's history.

use clap::Args;
use coracle_api::types::{RevisionStatus, RevisionView};
use coracle_spec::FunctionId;

use crate::age;
use crate::args::{Remote, Reporting};
use crate::context::Context;
use crate::error::Error;
use crate::table::Table;

/// List a function's revisions, newest first
#[derive(Debug, Args)]
pub(crate) struct Revisions {
    /// The function: NAME, or NAME.NAMESPACE
    name: FunctionId,
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    reporting: Reporting,
}

impl Revisions {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        let revisions = context.client(&self.remote)?.revisions(&self.name).await?;
        if self.reporting.json {
            return Ok(context.printer.json(&revisions)?);
        }
        Ok(context.printer.line(table(&revisions))?)
    }
}

fn table(revisions: &[RevisionView]) -> Table<5> {
    let mut table = Table::new(["REVISION", "STATUS", "IMAGE", "REFERENCE", "CREATED"]);
    for revision in revisions {
        table.row([
            revision.number.to_string(),
            status(revision).to_owned(),
            revision.image.short(),
            revision.reference.clone().unwrap_or_default(),
            age::ago(revision.created_at),
        ]);
    }
    table
}

fn status(revision: &RevisionView) -> &'static str {
    match revision.status {
        RevisionStatus::Ready if revision.serving => "serving",
        RevisionStatus::Ready => "ready",
        RevisionStatus::Starting => "starting",
        RevisionStatus::Failed => "failed",
    }
}
