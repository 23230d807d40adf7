//! The kept inputs, each once more: what a fuzzer ever found stays found.

use std::io;
use std::path::Path;

use fs_err as fs;

fn replay(target: &str, run: fn(&[u8])) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut inputs = 0;
    for entry in fs::read_dir(&folder)? {
        run(&fs::read(entry?.path())?);
        inputs += 1;
    }
    assert!(inputs > 0, "no corpus at `{}`", folder.display());
    Ok(())
}

#[test]
fn archives_are_unpacked_or_refused() -> io::Result<()> {
    replay("archive", coracle_fuzz::archive)
}

#[test]
fn dockerfiles_are_parsed_or_refused() -> io::Result<()> {
    replay("dockerfile", coracle_fuzz::dockerfile)
}

#[test]
fn manifests_are_parsed_or_refused() -> io::Result<()> {
    replay("manifest", coracle_fuzz::manifest)
}

#[test]
fn bodies_are_built_or_refused() -> io::Result<()> {
    replay("submission", coracle_fuzz::submission)
}
