//! What the fuzz targets do with an input: each a function here, so that tests replay the kept corpora without a fuzzer.
//!
//! A target panics when the program would: at a broken promise, an overflow, an index out of bounds. That an input is
//! refused is the usual end of it. `cargo xtask fuzz` runs all of them; what they find goes into `corpus/` once it is
//! mended.

mod archive;
mod submission;

pub use archive::archive;
pub use submission::submission;

use coracle_dockerfile::word;

/// Where the trees of a run lie; in memory, where there is such a place.
const MEMORY: &str = "/dev/shm";

/// Makes the folder of a run, removed when it is over.
#[expect(clippy::unwrap_used, reason = "a fuzz target has no other way to complain")]
fn place() -> tempfile::TempDir {
    tempfile::tempdir_in(MEMORY)
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// A Dockerfile, as an author or a stranger writes it: parsed, and the error shown.
pub fn dockerfile(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match coracle_dockerfile::parse(&text) {
        Ok(_) => text.lines().for_each(expand),
        Err(error) => drop(error.to_string()),
    }
}

/// Replaces the variables of a line, with either escape.
fn expand(line: &str) {
    let value = |name: &str| (name.len() < 3).then(|| format!("<{name}>"));
    for escape in ['\\', '`'] {
        drop(word::expand(line, word::Rules::of_arguments(escape), &value));
    }
}

/// A manifest: parsed, and the error shown.
///
/// # Panics
/// When the name of a function is none, which is the target's own mistake.
#[expect(clippy::unwrap_used, reason = "a constant")]
pub fn manifest(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let name = "fuzz".parse().unwrap();
    if let Err(error) = coracle_spec::Manifest::parse_all(&text, "coracle.yaml", &name) {
        drop(error.to_string());
    }
}
