//! Benchmarks beside the programs that people would pick instead, in one run on one machine.
//!
//! `cargo xtask bench` builds the program, installs the peers and runs this. Each figure is printed with the peer's and
//! the ratio; machines drift, so ratios are what to quote. These are no tests: nothing here fails for being slow.
#![expect(clippy::print_stdout, reason = "the figures are the output")]

mod cold_start;
mod docker;
mod http;
mod program;
mod sample;
mod unchanged_build;

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::docker::Engine;
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
    unchanged_build::run(&coracle, &engine, scratch.path())?;
    cold_start::run(&coracle, &engine, scratch.path())
}
