//! BuildKit, as it is now, makes of every case what is recorded.
//!
//! It has its own `main`, so that each case is a test of its own name, and all share one daemon.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::path::Path;
use std::sync::Arc;

use coracle_dockerfile_suite::{Bases, BuildKit, Case, Registry, StandIns, trials};
use libtest_mimic::{Arguments, Conclusion, Failed};

struct World {
    buildkit: BuildKit,
    bases: Bases,
}

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let scratch = tempfile::tempdir().unwrap();
    if arguments.list {
        return run(&arguments, None).exit_code();
    }
    let stand_ins = StandIns::open(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("stand-ins")).unwrap();
    let bases = stand_ins.bases().unwrap();
    let registry = Registry::start(stand_ins).unwrap();
    let buildkit = BuildKit::start(scratch.path(), &registry).unwrap();
    run(&arguments, Some(&Arc::new(World { buildkit, bases }))).exit_code()
}

fn run(arguments: &Arguments, world: Option<&Arc<World>>) -> Conclusion {
    let world = world.cloned();
    let compare = move |case: &Case| world.as_ref().map_or(Ok(()), |world| compare(world, case));
    libtest_mimic::run(arguments, trials(compare).unwrap())
}

fn compare(world: &World, case: &Case) -> Result<(), Failed> {
    let made = world.buildkit.build(case, &world.bases)?;
    match case.expected()?.differences(&made) {
        None => Ok(()),
        Some(differences) => {
            Err(format!("BuildKit makes something else than is recorded:\n{differences}").into())
        }
    }
}
