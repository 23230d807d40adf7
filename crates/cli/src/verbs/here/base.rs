//! `coracle base`: the Debian packages and tools that a project's builds are pinned to.

use clap::{Args, Subcommand};
use coracle_build::{Builder, Change, Locking, Pins, Request};
use coracle_spec::{Class, Failure};
use coracle_tasks::CancellationToken;
use serde::Serialize;

use crate::age;
use crate::args::Reporting;
use crate::context::Context;
use crate::engine::Engine;
use crate::error::Error;
use crate::interrupt::Interrupt;
use crate::printer::Printer;
use crate::progress::Progress;
use crate::project::{Lock, Source};
use crate::size::human;
use crate::table::Table;

/// Show and renew what a project's builds are pinned to
///
/// The first build of a project writes `coracle.lock`: the exact Debian packages of its base images and the versions of its
/// tools. Builds use those until they are renewed here, whatever is published meanwhile.
#[derive(Debug, Args)]
pub(crate) struct Base {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Ls(Ls),
    Lock(Renew),
}

/// Show the bases and tools that `coracle.lock` pins
#[derive(Debug, Args)]
struct Ls {
    #[command(flatten)]
    source: Source,
    /// Ask the archive and the registries how many newer ones there are
    #[arg(long)]
    outdated: bool,
    #[command(flatten)]
    reporting: Reporting,
}

/// Pin the newest Debian packages and tools
#[derive(Debug, Args)]
struct Renew {
    #[command(flatten)]
    source: Source,
    /// Write nothing, only show what would change
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// Write nothing, and fail if anything would change
    #[arg(long, conflicts_with = "dry_run")]
    check: bool,
    #[command(flatten)]
    reporting: Reporting,
}

/// There is something newer than what is pinned.
#[derive(Debug, thiserror::Error)]
#[error("`coracle.lock` is not up to date: {0} pins would change")]
struct Outdated(usize);

impl Failure for Outdated {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        Some("`coracle base lock` pins the newest".to_owned())
    }
}

/// What `ls --json` prints.
#[derive(Debug, Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    pins: &'a Pins,
    /// What newer pins would change, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<&'a [Change]>,
}

impl Base {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        match self.action {
            Action::Ls(ls) => ls.run(context).await,
            Action::Lock(renew) => renew.run(context).await,
        }
    }
}

impl Ls {
    async fn run(self, context: &Context) -> Result<(), Error> {
        let request = self.source.images(Lock::default(), &[])?;
        let pins = Pins::of_project(&request.folder)?;
        let changes = if self.outdated {
            Some(choose_anew(context, &frozen(request)).await?)
        } else {
            None
        };
        if self.reporting.json {
            return Ok(context.printer.json(&Report {
                pins: &pins,
                changes: changes.as_deref(),
            })?);
        }
        if pins.bases.is_empty() && pins.tools.is_empty() {
            context
                .printer
                .say("nothing is pinned yet: the first `coracle build` does that");
            return Ok(());
        }
        show(context.printer, &pins, changes.as_deref())
    }
}

impl Renew {
    async fn run(self, context: &Context) -> Result<(), Error> {
        let request = self.source.images(Lock::default(), &[])?;
        let writes = !self.dry_run && !self.check;
        let request = if writes { request } else { frozen(request) };
        let changes = choose_anew(context, &request).await?;
        if self.reporting.json {
            context.printer.json(&changes)?;
        } else {
            show_changes(context.printer, &changes)?;
        }
        match changes.len() {
            0 => context.printer.say("everything is up to date"),
            count if self.check => return Err(Outdated(count).into()),
            count if writes => context
                .printer
                .say(format_args!("changed {count} pins in `coracle.lock`")),
            count => context.printer.say(format_args!("{count} pins would change")),
        }
        Ok(())
    }
}

/// Answers the same request, for which the lock file is only looked at.
fn frozen(request: Request) -> Request {
    Request {
        locking: Locking::Frozen,
        ..request
    }
}

/// Asks the archive and the registries for the newest of everything, and answers what that changes.
async fn choose_anew(context: &Context, request: &Request) -> Result<Vec<Change>, Error> {
    let engine = Engine::open(context)?;
    let progress = Progress::start(context.printer);
    let changes = choosing(&engine.builder, request, &progress).await;
    progress.finish();
    engine.close().await;
    changes
}

async fn choosing(builder: &Builder, request: &Request, progress: &Progress) -> Result<Vec<Change>, Error> {
    let cancel = CancellationToken::new();
    let mut interrupt = Interrupt::listen()?;
    let relocking = builder.relock(request, progress.observer(), &cancel);
    tokio::pin!(relocking);
    tokio::select! {
        changes = &mut relocking => Ok(changes?),
        () = interrupt.next() => {
            cancel.cancel();
            Ok(relocking.await?)
        }
    }
}

fn show(printer: Printer, pins: &Pins, changes: Option<&[Change]>) -> Result<(), Error> {
    let newer = |base: Option<&str>| match changes {
        Some(changes) => changes
            .iter()
            .filter(|change| change.base.as_deref() == base)
            .count()
            .to_string(),
        None => String::new(),
    };
    if !pins.bases.is_empty() {
        let mut table = Table::new([
            "BASE",
            "RELEASE",
            "FOR",
            "PACKAGES",
            "DOWNLOAD",
            "FROM",
            heading(changes),
        ]);
        for base in &pins.bases {
            table.row([
                base.name.clone(),
                base.release.clone(),
                base.arch.clone(),
                base.packages.to_string(),
                human(base.download),
                age::ago(base.at),
                newer(Some(&base.name)),
            ]);
        }
        printer.line(table)?;
    }
    if !pins.tools.is_empty() {
        let mut table = Table::new(["TOOL", "ASKED FOR", "VERSION"]);
        for tool in &pins.tools {
            table.row([tool.name.clone(), tool.request.clone(), tool.version.clone()]);
        }
        printer.line(table)?;
    }
    if changes.is_some() {
        printer.say(format_args!("newer tools: {}", newer(None)));
    }
    Ok(())
}

fn heading(changes: Option<&[Change]>) -> &'static str {
    if changes.is_some() { "CHANGES" } else { "" }
}

fn show_changes(printer: Printer, changes: &[Change]) -> Result<(), Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(["BASE", "PACKAGE", "PINNED", "NEWEST"]);
    for change in changes {
        let version = |version: &Option<String>| version.clone().unwrap_or_else(|| "-".to_owned());
        table.row([
            change.base.clone().unwrap_or_else(|| "(tool)".to_owned()),
            change.name.clone(),
            version(&change.from),
            version(&change.to),
        ]);
    }
    Ok(printer.line(table)?)
}
