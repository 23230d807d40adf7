//! What a command reads: files of the source and texts of the plan, as the top of its root file system.

use std::io;
use std::path::{Path, PathBuf};

use coracle_content::StoreError;
use coracle_plan::Input;
use coracle_spec::{Digest, Hasher};
use fs_err as fs;

use super::error::RunError;
use crate::folder::Contents;

/// Puts what a command reads beneath `root`; fails when a file of the source is no longer what the step's key says.
pub(super) fn stage(
    (folder, contents): (&Path, &Contents),
    root: &Path,
    inputs: &[Input],
) -> Result<(), RunError> {
    let failed = |error: io::Error| match StoreError::io("write", root, error) {
        full @ StoreError::Full { .. } => RunError::Store(full),
        StoreError::Io { source, .. } => RunError::Stage(source),
        other => RunError::Store(other),
    };
    place(folder, root, inputs).map_err(failed)?;
    check(contents, root, inputs)
}

/// Fails when a staged file is no longer what the step's key says.
fn check(contents: &Contents, root: &Path, inputs: &[Input]) -> Result<(), RunError> {
    for input in inputs {
        let Input::Source { files, to } = input else {
            continue;
        };
        for file in files {
            let found = digest(&beneath(root, to).join(file)).map_err(RunError::Stage)?;
            if contents.get(file).is_none_or(|(_, digest)| *digest != found) {
                return Err(RunError::Changed(file.clone()));
            }
        }
    }
    Ok(())
}

/// Puts what a command reads beneath `root`, a tree that becomes the top of its root file system.
fn place(folder: &Path, root: &Path, inputs: &[Input]) -> io::Result<()> {
    for input in inputs {
        match input {
            Input::Source { files, to } => {
                for file in files {
                    stage_file(&folder.join(file), &beneath(root, to).join(file))?;
                }
            }
            Input::Text { contents, to } => {
                let target = beneath(root, to);
                make_parent(&target)?;
                fs::write(target, contents)?;
            }
        }
    }
    Ok(())
}

fn stage_file(from: &Path, to: &Path) -> io::Result<()> {
    make_parent(to)?;
    let found = fs::symlink_metadata(from)?;
    if found.is_symlink() {
        return fs::os::unix::fs::symlink(fs::read_link(from)?, to);
    }
    fs::copy(from, to)?;
    let executable = std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o100 != 0;
    let mode = if executable { 0o755 } else { 0o644 };
    fs::set_permissions(to, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    std::os::unix::fs::lchown(to, Some(0), Some(0))
}

/// Answers the digest of a file's contents or of a link's target.
fn digest(path: &Path) -> io::Result<Digest> {
    if fs::symlink_metadata(path)?.is_symlink() {
        return Ok(Digest::of(fs::read_link(path)?.as_os_str().as_encoded_bytes()));
    }
    let mut hasher = Hasher::default();
    io::copy(&mut fs::File::open(path)?, &mut hasher)?;
    Ok(hasher.finish())
}

fn make_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

fn beneath(root: &Path, absolute: &str) -> PathBuf {
    root.join(absolute.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_staged_with_their_paths_and_normal_modes() {
        let (folder, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir_all(folder.path().join("reqs")).unwrap();
        fs::write(folder.path().join("reqs/base.txt"), "flask").unwrap();
        let inputs = [
            Input::Source {
                files: vec!["reqs/base.txt".to_owned()],
                to: "/src".to_owned(),
            },
            Input::Text {
                contents: "x".to_owned(),
                to: "/etc/extra".to_owned(),
            },
        ];
        place(folder.path(), root.path(), &inputs).unwrap();
        assert_eq!(
            fs::read_to_string(root.path().join("src/reqs/base.txt")).unwrap(),
            "flask"
        );
        assert_eq!(fs::read_to_string(root.path().join("etc/extra")).unwrap(), "x");
    }
}
