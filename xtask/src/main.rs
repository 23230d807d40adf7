//! The project's own chores, as a program instead of scripts: `cargo xtask test`, `cargo xtask lint`.
//!
//! They are the only entry points: continuous integration calls the same ones, so what passes here passes there.
#![expect(clippy::print_stderr, reason = "chores talk to the developer")]

mod arrows;
mod chores;
mod command;
mod deb;
mod fuzz;
mod image;
mod licences;
mod metadata;
mod packages;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask CHORE

  test [ARGUMENTS…]  install what the tests need, then run every test; arguments go to `cargo test`
  lint               formatting, clippy, documentation, licences, direction of dependencies
  bench [PART…]      measure the program beside its peers; PART is one of `builds`, `dockerfiles`,
                     `registry`, `function-builder`, `sizes` and `cold-start`
  dockerfiles [CASE…]
                     record what BuildKit makes of the Dockerfiles that builds are compared by
  fuzz SECONDS       look for inputs that break what reads strangers' input, so long for each target
  deb [PROGRAM]      make the Debian package of a `dist` build, or of PROGRAM
  image [PROGRAM]    make the container image of a `dist` build, or of PROGRAM, with itself
  packages           install what the tests need, and nothing else";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let chore = arguments.next();
    let rest: Vec<String> = arguments.collect();
    let result = match (chore.as_deref(), rest.as_slice()) {
        (Some("test"), arguments) => chores::test(arguments),
        (Some("lint"), []) => chores::lint(),
        (Some("bench"), parts) => chores::bench(parts),
        (Some("dockerfiles"), cases) => chores::dockerfiles(cases),
        (Some("fuzz"), [seconds]) => fuzz::fuzz(seconds),
        (Some("deb"), rest @ ([] | [_])) => chores::package(rest.first(), deb::build),
        (Some("image"), rest @ ([] | [_])) => chores::package(rest.first(), image::build),
        (Some("packages"), []) => packages::install(packages::FOR_TESTS),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
