//! `coracle image ls`.

use std::time::UNIX_EPOCH;

use clap::Args;
use coracle_content::{Named, Store};
use coracle_spec::Digest;
use serde::Serialize;

use crate::age;
use crate::args::Reporting;
use crate::context::Context;
use crate::engine::open_store;
use crate::error::Error;
use crate::size::human;
use crate::stored::Stored;
use crate::table::Table;

/// List images
#[derive(Debug, Args)]
pub(super) struct Ls {
    #[command(flatten)]
    reporting: Reporting,
}

/// An image, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    digest: Digest,
    platforms: Vec<String>,
    /// Of all blobs, in bytes.
    size: u64,
    /// When it got the name, in seconds since 1970.
    since: u64,
}

impl Ls {
    pub(super) fn run(self, context: &Context) -> Result<(), Error> {
        let store = open_store(&context.settings)?;
        let names = store.names()?.into_iter();
        let rows = names.map(|named| row(&store, &named)).collect::<Vec<_>>();
        if self.reporting.json {
            return Ok(context.printer.json(&rows)?);
        }
        if rows.is_empty() {
            let hint = "no images yet: `coracle build` and `coracle image pull NAME` make some";
            context.printer.say(hint);
            return Ok(());
        }
        let mut table = Table::new(["NAME", "DIGEST", "PLATFORMS", "SIZE", "SINCE"]);
        for row in rows {
            let platforms = row.platforms.join(",");
            let (digest, since) = (row.digest.short(), age::ago(row.since));
            table.row([row.name, digest, platforms, human(row.size), since]);
        }
        Ok(context.printer.line(table)?)
    }
}

/// Answers what there is to say. One that is not whole says little.
fn row(store: &Store, named: &Named) -> Row {
    let stored = Stored::load(store, named.digest).ok();
    let size = stored.as_ref().map_or(0, Stored::size);
    let images = stored.map(|stored| stored.images).unwrap_or_default();
    let since = named.since.duration_since(UNIX_EPOCH).unwrap_or_default();
    Row {
        name: named.reference.to_string(),
        digest: named.digest,
        platforms: images.into_iter().map(|(platform, _)| platform).collect(),
        size,
        since: since.as_secs(),
    }
}
