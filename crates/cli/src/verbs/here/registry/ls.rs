//! `coracle registry ls`.

use clap::Args;
use coracle_api::types::RegistryView;
use coracle_spec::RegistryName;
use serde::Serialize;

use super::on_server;
use crate::args::{Remote, Reporting};
use crate::context::Context;
use crate::error::Error;
use crate::table::Table;

/// List logins, this user's and the server's, without their passwords
#[derive(Debug, Args)]
pub(super) struct Ls {
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    reporting: Reporting,
}

/// A login, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Row {
    registry: String,
    user: String,
    /// What manifests call it; left out for this user's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<RegistryName>,
}

impl Ls {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        let own = super::file(context)?.list()?.into_iter().map(own);
        let stored = on_server::list(&self.remote, context).await?;
        let rows: Vec<Row> = own.chain(stored.into_iter().map(stored_there)).collect();
        if self.reporting.json {
            return Ok(context.printer.json(&rows)?);
        }
        if rows.is_empty() {
            context
                .printer
                .say("no logins yet: `coracle registry login HOST` makes one");
            return Ok(());
        }
        let mut table = Table::new(["REGISTRY", "USER", "NAME ON THE SERVER"]);
        for row in rows {
            let name = row.name.map(String::from).unwrap_or_default();
            table.row([row.registry, row.user, name]);
        }
        Ok(context.printer.line(table)?)
    }
}

fn own((registry, user): (String, String)) -> Row {
    Row {
        registry,
        user,
        name: None,
    }
}

fn stored_there(view: RegistryView) -> Row {
    Row {
        registry: view.host.into(),
        user: view.username,
        name: Some(view.name),
    }
}
