//! Benchmarks beside the programs that people would pick instead, in one run on one machine.
//!
//! `cargo xtask bench` builds the program, installs the peers and runs this. Each figure is printed with the peer's and
//! the ratio; machines drift, so ratios are what to quote. These are no tests: nothing here fails for being slow.
#![expect(clippy::print_stdout, reason = "the figures are the output")]

mod app;
mod buildkit;
mod builds;
mod cold_start;
mod docker;
mod dockerfiles;
mod http;
mod program;
mod registry;
mod sample;
mod sizes;
mod unchanged_build;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use coracle_peers::Engine;
use coracle_peers::buildkit::{BuildKit, Programs};

use crate::builds::Sides;
use crate::program::Coracle;

fn main() -> Result<()> {
    let program = std::env::args_os().nth(1).map(PathBuf::from);
    let program = program.context("usage: coracle-benches PROGRAM, the `coracle` to measure")?;
    let scratch = tempfile::tempdir()?;
    let coracle = Coracle::new(program, scratch.path().join("data"))?;
    let engine = Engine::start(scratch.path())?;
    println!(
        "peers: Docker Engine {}, {}\n",
        engine.version()?,
        docker::runc_version()?
    );
    builds(&coracle, &engine, scratch.path())?;
    dockerfiles::run(&coracle, scratch.path())?;
    registry::run(&coracle, scratch.path())?;
    sizes::run(&coracle, scratch.path())?;
    cold_start::run(&coracle, &engine, scratch.path())
}

/// Measures builds beside the newest BuildKit, or, where it cannot be had, beside Docker's own.
fn builds(coracle: &Coracle, engine: &Engine, scratch: &Path) -> Result<()> {
    match Programs::newest() {
        Ok(programs) => {
            let buildkit = &BuildKit::start(programs, scratch)?;
            println!("builds: BuildKit {}\n", buildkit.version());
            let sides = Sides {
                coracle,
                buildkit,
                engine,
            };
            builds::run(&sides, scratch)
        }
        Err(error) => {
            println!("builds: Docker's own BuildKit, since {error:#}\n");
            unchanged_build::run(coracle, engine, scratch)
        }
    }
}
