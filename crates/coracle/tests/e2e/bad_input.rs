//! Bad input, full disks, dead mirrors, impatient users: each gets one clear error, and nothing is lost.
//!
//! Errors are snapshots: what stands on the terminal, with the exit code, and with paths and times made the same on
//! every machine.

mod dependencies;
mod dockerfile;
mod folder;
mod host;
mod interrupted;
mod source;
mod start;

use std::process::Output;

use crate::machine::Machine;
use source::Source;

/// A handler that answers every request with `afloat`.
const HANDLER: &str = "\
import functions_framework


@functions_framework.http
def handle(request):
    return 'afloat'
";

/// Answers what the program said and its exit code, as a user sees it.
fn seen(output: &Output, source: &Source) -> String {
    let text = format!(
        "{}{}exit code {}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
        output.status.code().unwrap_or(-1)
    );
    text.replace(&*source.path().to_string_lossy(), "FOLDER")
}

/// Runs `up --call /` on the folder and answers what was seen.
fn called(source: &Source) -> String {
    let output = Machine::shared().run(&["up", source.argument(), "--call", "/", "--quiet"]);
    seen(&output, source)
}

/// Builds the folder and answers what was seen.
fn built(source: &Source) -> String {
    let output = Machine::shared().run(&["build", source.argument(), "--quiet"]);
    seen(&output, source)
}
