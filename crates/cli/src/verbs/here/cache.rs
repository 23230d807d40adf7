//! `coracle cache`: what is kept to be quick, how much of the disk it takes, and less of it.

use std::path::Path;

use clap::{Args, Subcommand};
use coracle_content::{Collected, Extent, Kind, Limits, Store, Usage};
use coracle_server::ImagesInUse;
use coracle_spec::{ByteSize, Counted};
use serde::Serialize;

use crate::args::Reporting;
use crate::blocking::blocking;
use crate::context::Context;
use crate::engine::open_store;
use crate::error::Error;
use crate::settings::Age;
use crate::size::human;
use crate::table::Table;

/// Show and free what the cache takes
///
/// Layers, packages and build results are kept so that the next build is quick. What nothing uses is removed by itself, the
/// least recently used first, when it takes more than `CORACLE_CACHE_LIMIT` or was not used for `CORACLE_CACHE_AGE`. Images of
/// functions that exist, and all that running programs use, stay in any case.
#[derive(Debug, Args)]
pub(crate) struct Cache {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Du(Du),
    Gc(Gc),
}

/// Show what takes how much of the disk
#[derive(Debug, Args)]
struct Du {
    #[command(flatten)]
    reporting: Reporting,
}

/// Remove what nothing uses
///
/// Without flags, only as much as is over the limits that always hold.
#[derive(Debug, Args)]
struct Gc {
    /// Keep the most recently used, up to SIZE, such as `2Gi`
    #[arg(long, value_name = "SIZE")]
    keep: Option<ByteSize>,
    /// Remove what was not used for SPAN, such as `12h` or `30d`
    #[arg(long, value_name = "SPAN")]
    older_than: Option<Age>,
    /// Remove all that nothing uses
    #[arg(long, conflicts_with_all = ["keep", "older_than"])]
    all: bool,
    /// Remove nothing, only say what would be
    #[arg(long, short = 'n')]
    dry_run: bool,
    #[command(flatten)]
    reporting: Reporting,
}

/// What `du --json` prints.
#[derive(Debug, Serialize)]
struct Report<'a> {
    store: &'a Path,
    #[serde(flatten)]
    usage: &'a Usage,
    total: coracle_content::Use,
    /// The most that what nothing uses may take, in bytes.
    limit: Option<u64>,
    /// How long ago its last use may be, in seconds.
    unused_seconds: Option<u64>,
}

impl Cache {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        let store = open_store(&context.settings)?;
        let images = ImagesInUse::of(&context.settings.data);
        match self.action {
            Action::Du(du) => {
                let looking = store.clone();
                let usage = blocking(move || looking.usage(&images)).await?;
                du.show(context, &store, &usage)
            }
            Action::Gc(gc) => {
                let (limits, extent) = (gc.limits(context, &store), gc.extent());
                let collected = blocking(move || store.collect(&images, &limits, extent)).await?;
                gc.show(context, &collected)
            }
        }
    }
}

impl Du {
    fn show(&self, context: &Context, store: &Store, usage: &Usage) -> Result<(), Error> {
        let limits = context.settings.cache.limits(store.root());
        if self.reporting.json {
            return Ok(context.printer.json(&Report {
                store: store.root(),
                usage,
                total: usage.total(),
                limit: limits.bytes,
                unused_seconds: limits.unused.map(|span| span.as_secs()),
            })?);
        }
        context.printer.line(table(usage))?;
        if let Some(bytes) = limits.bytes {
            context.printer.say(format_args!(
                "what nothing uses may take {}; `CORACLE_CACHE_LIMIT` changes that",
                human(bytes)
            ));
        }
        Ok(())
    }
}

fn table(usage: &Usage) -> Table<4> {
    let mut table = Table::new(["KIND", "ITEMS", "SIZE", "RECLAIMABLE"]);
    let mut row = |name: &str, one: coracle_content::Use| {
        table.row([
            name.to_owned(),
            one.items.to_string(),
            human(one.bytes),
            human(one.reclaimable),
        ]);
    };
    for (kind, one) in &usage.kinds {
        row(name(*kind), *one);
    }
    row("total", usage.total());
    table
}

impl Gc {
    fn limits(&self, context: &Context, store: &Store) -> Limits {
        if self.all {
            return Limits {
                bytes: Some(0),
                unused: None,
            };
        }
        if self.keep.is_none() && self.older_than.is_none() {
            return context.settings.cache.limits(store.root());
        }
        Limits {
            bytes: self.keep.map(ByteSize::bytes),
            unused: self.older_than.and_then(Age::most),
        }
    }

    fn extent(&self) -> Extent {
        if self.dry_run { Extent::Dry } else { Extent::Whole }
    }

    fn show(&self, context: &Context, collected: &Collected) -> Result<(), Error> {
        if self.reporting.json {
            return Ok(context.printer.json(collected)?);
        }
        let left = human(collected.left);
        if collected.items == 0 {
            context
                .printer
                .say(format_args!("nothing to remove; the store takes {left}"));
            return Ok(());
        }
        let mut table = Table::new(["KIND", "ITEMS", "FREED"]);
        for (kind, one) in &collected.kinds {
            table.row([name(*kind).to_owned(), one.items.to_string(), human(one.bytes)]);
        }
        context.printer.line(table)?;
        let done = if self.dry_run { "would free" } else { "freed" };
        let (freed, items) = (human(collected.freed), Counted(collected.items, "item"));
        context
            .printer
            .say(format_args!("{done} {freed} of {items}; {left} stay"));
        Ok(())
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Images => "images",
        Kind::Layers => "layers",
        Kind::Trees => "unpacked layers",
        Kind::Packages => "Debian packages",
        Kind::Caches => "package managers",
        Kind::Records => "build results",
    }
}
