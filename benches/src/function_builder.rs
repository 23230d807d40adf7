//! Builds as a provider has them: a template's context whose dependencies are known and whose code is new each time, sent
//! by 1, 4 and 16 clients at once, each of which sends its next one when the last is answered.
//!
//! Coracle gets them as `POST /build` with a signed body, and puts the images into its own registry. The peer is BuildKit,
//! asked by as many clients, which pushes to Debian's `docker-registry`. What a provider would put in front of it, and the
//! peer's registry, are left out of its figures; the start of a client for each build is in them, and printed.

mod client;
mod load;
mod memory;
mod ours;
mod template;
mod theirs;

use std::path::Path;

use anyhow::Result;
use coracle_dockerfile_suite::{Registry, StandIns};
use coracle_peers::kept;

use self::load::Load;
use self::ours::Ours;
use self::template::{KINDS, Kind};
use self::theirs::Theirs;
use crate::program::Coracle;
use crate::sample::millis;

/// How many clients there are, and how many builds each of them asks for.
const LOADS: [(usize, usize); 3] = [(1, 20), (4, 8), (16, 4)];

/// Who builds.
trait Builder: Sync {
    /// What it is called.
    fn name(&self) -> &'static str;

    /// Builds the context of `client`, with code that was never seen.
    fn build(&self, kind: &Kind, client: usize) -> Result<()>;

    /// Answers what its processes take of memory, in bytes.
    fn memory(&self) -> u64;
}

/// What was measured of one builder.
struct Row {
    kind: &'static Kind,
    clients: usize,
    name: &'static str,
    load: Load,
}

pub(crate) fn run(coracle: &Coracle, scratch: &Path) -> Result<()> {
    let registry = Registry::start(StandIns::open(&kept()?.join("stand-ins"))?)?;
    let scratch = scratch.join("builder");
    fs_err::create_dir_all(&scratch)?;
    let theirs = Theirs::start(&scratch, &registry)?;
    let ours = Ours::start(coracle, &scratch, &registry.mirrors())?;
    println!("## Function builder, beside BuildKit {}\n", theirs.version());
    let rows = rates([&ours, &theirs])?;
    let start = millis(theirs.start_of_client()?);
    println!("Of each of the peer's builds, the start of its client is {start:.0} ms.\n");
    memory(&rows);
    Ok(())
}

/// Measures each load on both sides; prints how many builds there were, and answers everything.
fn rates(sides: [&dyn Builder; 2]) -> Result<Vec<Row>> {
    println!("| the code | clients | who | builds a minute | times as many | median, ms | slowest, ms |");
    println!("|---|---|---|---|---|---|---|");
    let mut rows = Vec::new();
    for kind in &KINDS {
        // What is built once is known from then on.
        sides.iter().try_for_each(|side| side.build(kind, 0))?;
        for load in LOADS {
            let pair = [
                Row::measure(sides[0], kind, load)?,
                Row::measure(sides[1], kind, load)?,
            ];
            for row in &pair {
                row.print(&pair[1]);
            }
            rows.extend(pair);
        }
    }
    println!();
    Ok(rows)
}

impl Row {
    fn measure(side: &dyn Builder, kind: &'static Kind, (clients, each): (usize, usize)) -> Result<Self> {
        Ok(Self {
            kind,
            clients,
            name: side.name(),
            load: Load::put(side, kind, (clients, each))?,
        })
    }

    fn print(&self, peer: &Self) {
        println!(
            "| {} | {} | {} | {:.0} | {:.1} | {:.0} | {:.0} |",
            self.kind.name,
            self.clients,
            self.name,
            self.load.a_minute(),
            self.load.a_minute() / peer.load.a_minute(),
            millis(self.load.took.median()),
            millis(self.load.took.most()),
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn memory(rows: &[Row]) {
    println!("| the code | clients | who | idle, MB | peak, MB | above idle for each build, MB |");
    println!("|---|---|---|---|---|---|");
    for row in rows {
        let (idle, peak) = (row.load.idle as f64 / 1e6, row.load.peak as f64 / 1e6);
        println!(
            "| {} | {} | {} | {idle:.0} | {peak:.0} | {:.1} |",
            row.kind.name,
            row.clients,
            row.name,
            (peak - idle).max(0.0) / row.clients as f64,
        );
    }
    println!();
}
