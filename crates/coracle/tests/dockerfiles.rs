//! Dockerfiles are built as BuildKit builds them: each case of the suite, compared with what is recorded there.
//!
//! It has its own `main`, so that each case is a test of its own name, and all share one data directory.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::path::Path;
use std::process::{Command, ExitCode, Output, Stdio};
use std::sync::Arc;

use coracle_dockerfile_suite::{
    Bases, Case, Context, Expected, Outcome, Registry, StandIns, Warning, trials,
};
use libtest_mimic::{Arguments, Conclusion, Failed};

/// What builds stand on.
struct World {
    data: tempfile::TempDir,
    bases: Bases,
    registry: String,
    mirrors: String,
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    if arguments.list {
        return run(&arguments, None).exit_code();
    }
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let stand_ins = StandIns::open(&kept.join("stand-ins")).unwrap();
    let bases = stand_ins.bases().unwrap();
    let registry = Registry::start(stand_ins).unwrap();
    let world = World {
        data: tempfile::tempdir_in(kept).unwrap(),
        bases,
        registry: registry.address().to_string(),
        mirrors: registry.mirrors(),
    };
    run(&arguments, Some(&Arc::new(world))).exit_code()
}

fn run(arguments: &Arguments, world: Option<&Arc<World>>) -> Conclusion {
    let world = world.cloned();
    let compare = move |case: &Case| world.as_ref().map_or(Ok(()), |world| compare(world, case));
    libtest_mimic::run(arguments, trials(compare).unwrap())
}

/// Builds a case and compares it with the record. One that is known to be different has to be.
fn compare(world: &World, case: &Case) -> Result<(), Failed> {
    let made = build(world, case)?;
    match (case.expected()?.differences(&made), &case.options.differs) {
        (None, None) | (Some(_), Some(_)) => Ok(()),
        (Some(differences), None) => Err(format!("BuildKit makes something else:\n{differences}").into()),
        (None, Some(why)) => Err(format!("it is no longer different: {why}").into()),
    }
}

fn build(world: &World, case: &Case) -> Result<Expected, Failed> {
    let context = Context::of(case)?;
    let output = command(world, case, &context).output()?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let outcome = if output.status.success() {
        world
            .bases
            .built(&context.output(), &world.registry)
            .map_err(|error| format!("{error:#}\n{told}"))?
    } else {
        failed(&output)
    };
    let warnings = told.lines().filter(|line| line.starts_with("warning: "));
    let warnings: Vec<_> = warnings.filter_map(Warning::said).collect();
    Ok(Expected::of(&outcome, &warnings))
}

fn command(world: &World, case: &Case, context: &Context) -> Command {
    let options = &case.options;
    let mut command = Command::new(env!("CARGO_BIN_EXE_coracle"));
    command
        .env_clear()
        .env("PATH", "/nonexistent")
        .env("CORACLE_DATA", world.data.path())
        .env("CORACLE_REGISTRY_MIRRORS", &world.mirrors)
        .stdin(Stdio::null())
        .arg("build")
        .arg(context.path())
        .arg("--output")
        .arg(format!("oci:{}", context.output().display()))
        .arg("--file")
        .arg(options.file.as_deref().unwrap_or("Dockerfile"));
    let named = [("--target", &options.target), ("--platform", &options.platform)];
    for (name, value) in named {
        if let Some(value) = value {
            command.args([name, value]);
        }
    }
    for (name, value) in options.arguments(&world.registry) {
        command.arg("--build-arg").arg(format!("{name}={value}"));
    }
    for (name, value) in &options.labels {
        command.arg("--label").arg(format!("{name}={value}"));
    }
    for id in options.secrets.keys() {
        let secret = context.secret(id);
        command
            .arg("--secret")
            .arg(format!("id={id},src={}", secret.display()));
    }
    command
}

/// Reads where a build failed: `` error: `Dockerfile`, line 3: … ``.
fn failed(output: &Output) -> Outcome {
    let told = String::from_utf8_lossy(&output.stderr);
    let error = told.lines().skip_while(|line| !line.starts_with("error: "));
    let error: Vec<_> = error.collect();
    let message = error.join(" ");
    let line = message.split_once("`, line ").and_then(|(_, rest)| {
        let digits = rest.split(|letter: char| !letter.is_ascii_digit()).next()?;
        digits.parse().ok()
    });
    Outcome::Failed { line, message }
}
