//! The keeper as a program of its own, for tests: `coracle` becomes the keeper by itself.

use std::process::ExitCode;

fn main() -> ExitCode {
    coracle_keeper::main(std::env::args_os().skip(1))
}
