//! The `coracle` program: dispatch and nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    coracle_cli::main()
}
