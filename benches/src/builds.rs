//! Builds, each a whole process, beside BuildKit over the same base images and with the same package managers.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use coracle_peers::Engine;
use coracle_peers::buildkit::BuildKit;

use crate::app::{App, EXAMPLES, Example, copy};
use crate::buildkit;
use crate::http::first_byte;
use crate::program::Coracle;
use crate::sample::{Sample, timed};

const ROUNDS: usize = 15;
/// Of what takes seconds.
const FEW: usize = 5;
/// Where the peer's containers listen; the Dockerfiles say so.
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 18_081);
const OURS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 18_082);

/// Who is measured.
pub(crate) struct Sides<'a> {
    pub(crate) coracle: &'a Coracle,
    pub(crate) buildkit: &'a BuildKit,
    pub(crate) engine: &'a Engine,
}

/// An example, with a copy of its folder for each side.
struct Bench<'a> {
    sides: &'a Sides<'a>,
    example: &'a Example,
    app: App,
    place: PathBuf,
}

pub(crate) fn run(sides: &Sides<'_>, scratch: &Path) -> Result<()> {
    println!("## Builds\n");
    println!("| what | example | coracle, ms | BuildKit, ms | times faster | goal (floor) |");
    println!("|---|---|---|---|---|---|");
    for example in &EXAMPLES {
        Bench::prepare(sides, example, scratch)?.rows()?;
    }
    println!();
    Ok(())
}

impl<'a> Bench<'a> {
    /// Makes everything that is not measured, and builds once on each side.
    fn prepare(sides: &'a Sides<'a>, example: &'a Example, scratch: &Path) -> Result<Self> {
        let place = scratch.join(example.name);
        let bench = Self {
            sides,
            example,
            app: App::of(example, sides.coracle, &place.join("peer"))?,
            place,
        };
        for folder in [bench.ours(), bench.theirs()] {
            copy(example, &folder)?;
        }
        bench.build_ours(&bench.ours())?;
        bench.build_theirs(&bench.theirs())?;
        Ok(bench)
    }

    fn rows(&self) -> Result<()> {
        self.row("unchanged", "10× and 25 ms (100 ms)", ROUNDS, |_| Ok(()))?;
        self.fresh_clone()?;
        let line = |folder: &Path| Self::change(folder, self.example.source, self.example.comment);
        self.row("a line changed", "10× and 100 ms", ROUNDS, line)?;
        let dependencies = |folder: &Path| Self::change(folder, self.example.dependencies, "");
        self.row(
            "dependencies cold, their cache warm",
            "1.5× (1×)",
            FEW,
            dependencies,
        )?;
        self.first_byte()
    }

    /// Measures building after `change` on each side.
    fn row(&self, what: &str, goal: &str, rounds: usize, change: impl Fn(&Path) -> Result<()>) -> Result<()> {
        let samples = Sample::pair(
            rounds,
            || {
                change(&self.ours())?;
                self.build_ours(&self.ours())
            },
            || {
                change(&self.theirs())?;
                self.build_theirs(&self.theirs())
            },
        )?;
        self.print(what, goal, &samples);
        Ok(())
    }

    /// Measures a build of a folder that was never built, of which everything is known.
    fn fresh_clone(&self) -> Result<()> {
        let clone = || {
            let folder = tempfile::tempdir_in(&self.place)?;
            copy(self.example, folder.path())?;
            Ok::<_, anyhow::Error>(folder)
        };
        let samples = Sample::pair(
            ROUNDS,
            || {
                let folder = clone()?;
                self.build_ours(&folder.path().join(self.example.name))
            },
            || {
                let folder = clone()?;
                self.build_theirs(&folder.path().join(self.example.name))
            },
        )?;
        self.print("fresh clone", "10× and 25 ms (100 ms)", &samples);
        Ok(())
    }

    /// Measures from a changed line to the first byte of the new answer.
    fn first_byte(&self) -> Result<()> {
        let line = |folder: &Path| Self::change(folder, self.example.source, self.example.comment);
        let samples = Sample::pair(
            FEW,
            || {
                line(&self.ours())?;
                let mut running = None;
                let took = timed(|| {
                    running = Some(self.sides.coracle.up(&self.ours(), OURS)?);
                    first_byte(OURS, self.example.path)
                });
                drop(running);
                took
            },
            || {
                line(&self.theirs())?;
                let took = timed(|| self.run_theirs());
                self.sides.engine.call(&["rm", "--force", "peer"])?;
                took
            },
        )?;
        self.print("a line changed, to the first byte", "10× and 500 ms", &samples);
        Ok(())
    }

    fn run_theirs(&self) -> Result<()> {
        let (engine, archive) = (self.sides.engine, self.place.join("peer.tar"));
        buildkit::archive(self.sides.buildkit, &self.app, &self.theirs(), &archive)?;
        engine.call(&["load", "--quiet", "--input", &archive.to_string_lossy()])?;
        engine.call(&["run", "--detach", "--name", "peer", "--network", "host", "peer"])?;
        first_byte(PEER, self.example.path)
    }

    fn build_ours(&self, folder: &Path) -> Result<Duration> {
        let arguments = ["build".as_ref(), folder.as_os_str()];
        timed(|| self.sides.coracle.run(&arguments).map(drop))
    }

    fn build_theirs(&self, folder: &Path) -> Result<Duration> {
        timed(|| buildkit::build(self.sides.buildkit, &self.app, folder))
    }

    /// Adds a line to a file.
    fn change(folder: &Path, file: &str, line: &str) -> Result<()> {
        let mut file = fs_err::OpenOptions::new().append(true).open(folder.join(file))?;
        Ok(writeln!(file, "{line}")?)
    }

    fn ours(&self) -> PathBuf {
        self.place.join("ours")
    }

    fn theirs(&self) -> PathBuf {
        self.place.join("theirs")
    }

    fn print(&self, what: &str, goal: &str, samples: &[Sample; 2]) {
        let [ours, theirs] = samples.each_ref().map(Sample::millis);
        let faster = theirs / ours;
        println!(
            "| {what} | {} | {ours:.1} | {theirs:.1} | {faster:.1} | {goal} |",
            self.example.name
        );
    }
}
