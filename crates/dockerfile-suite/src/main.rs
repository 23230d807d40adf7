//! Records what BuildKit makes of the cases: `cargo xtask dockerfiles [CASE…]`.
#![expect(clippy::print_stderr, reason = "it talks to the developer")]

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use coracle_dockerfile_suite::{Bases, BuildKit, Case, Registry, StandIns};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let kept = arguments.next().map(PathBuf::from);
    let kept = kept.context("usage: coracle-dockerfile-suite FOLDER [CASE…], the folder for stand-ins")?;
    let wanted: Vec<String> = arguments.collect();
    let cases = Case::all()?;
    let cases: Vec<_> = cases
        .into_iter()
        .filter(|case| wanted.is_empty() || wanted.iter().any(|part| case.name.contains(part)))
        .collect();
    ensure!(!cases.is_empty(), "no case is called so");
    let stand_ins = StandIns::open(&kept)?;
    let bases = stand_ins.bases()?;
    let registry = Registry::start(stand_ins)?;
    let scratch = tempfile::tempdir()?;
    let buildkit = BuildKit::start(scratch.path(), &registry)?;
    let half = cases.len().div_ceil(2);
    let record = |cases: &[Case]| record(cases, &buildkit, &bases);
    std::thread::scope(|scope| {
        let parts: Vec<_> = cases
            .chunks(half)
            .map(|part| scope.spawn(|| record(part)))
            .collect();
        parts
            .into_iter()
            .try_for_each(|part| part.join().unwrap_or_else(|_| bail!("a thread panicked")))
    })
}

fn record(cases: &[Case], buildkit: &BuildKit, bases: &Bases) -> Result<()> {
    for case in cases {
        let made = buildkit
            .build(case, bases)
            .with_context(|| format!("case `{}`", case.name))?;
        case.record(&made)?;
        eprintln!("recorded `{}`", case.name);
    }
    Ok(())
}
