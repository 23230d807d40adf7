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
mod function_builder;
mod http;
mod part;
mod program;
mod registry;
mod sample;
mod sizes;
mod unchanged_build;

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::part::{Bench, Part};
use crate::program::Coracle;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let program = arguments.next().map(PathBuf::from);
    let program = program.context("usage: coracle-benches PROGRAM [PART…], the `coracle` to measure")?;
    let parts = Part::chosen(arguments)?;
    let scratch = tempfile::tempdir()?;
    let coracle = Coracle::new(program, scratch.path().join("data"))?;
    let bench = Bench::new(&coracle, scratch.path());
    parts.iter().try_for_each(|part| bench.run(*part))
}
