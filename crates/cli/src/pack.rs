//! A source folder as an archive, for a build elsewhere.
//!
//! What is never part of a source stays out (`.git`, `node_modules` …); what the manifest excludes is the build's own
//! affair. Links are sent as links. The manifest goes as `coracle.yaml`, wherever it was read from.

use std::io::{self, Seek as _};
use std::path::{Path, PathBuf};

use coracle_plan::ignore::is_always_ignored;
use coracle_plan::lock;
use coracle_spec::manifest::FILE_NAME;
use coracle_spec::{Class, Failure};
use fs_err as fs;

/// How much the archive is compressed: as fast as most networks.
const LEVEL: i32 = 3;

/// A source folder cannot be packed.
#[derive(Debug, thiserror::Error)]
#[error("cannot pack the source folder")]
pub(crate) struct PackError(#[from] io::Error);

impl Failure for PackError {
    fn class(&self) -> Class {
        Class::User
    }
}

type Archive = tar::Builder<zstd::Encoder<'static, std::fs::File>>;

/// Answers the archive of `folder`, with `manifest` in place of its own if one is named; a file without a name.
pub(crate) fn pack(folder: &Path, manifest: Option<&Path>) -> Result<std::fs::File, PackError> {
    let encoder = zstd::Encoder::new(tempfile::tempfile()?, LEVEL)?;
    let mut archive = tar::Builder::new(encoder);
    archive.follow_symlinks(false);
    archive.mode(tar::HeaderMode::Deterministic);
    for name in children(folder)? {
        let replaced = manifest.is_some() && name == Path::new(FILE_NAME);
        if !replaced {
            add(&mut archive, folder, &name)?;
        }
    }
    if let Some(manifest) = manifest {
        archive.append_path_with_name(manifest, FILE_NAME)?;
    }
    let lock = folder.join(lock::FILE_NAME);
    if lock.is_file() {
        archive.append_path_with_name(lock, lock::FILE_NAME)?;
    }
    let mut file = archive.into_inner()?.finish()?;
    file.rewind()?;
    Ok(file)
}

/// Adds what is at `path` beneath `folder`, and what is beneath that.
fn add(archive: &mut Archive, folder: &Path, path: &Path) -> io::Result<()> {
    let whole = folder.join(path);
    let kind = fs::symlink_metadata(&whole)?.file_type();
    if kind.is_dir() {
        for name in children(&whole)? {
            add(archive, folder, &path.join(name))?;
        }
    } else if kind.is_file() || kind.is_symlink() {
        archive.append_path_with_name(&whole, path)?;
    }
    Ok(())
}

/// Answers the names in a folder that may be sources, sorted.
fn children(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for child in fs::read_dir(folder)? {
        let name = child?.file_name();
        if !name.to_str().is_some_and(is_always_ignored) {
            names.push(PathBuf::from(name));
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read as _;

    use super::*;

    fn packed(folder: &Path, manifest: Option<&Path>) -> BTreeMap<String, String> {
        let file = pack(folder, manifest).unwrap();
        let mut archive = tar::Archive::new(zstd::Decoder::new(file).unwrap());
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().to_string_lossy().into_owned();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            (path, text)
        });
        entries.collect()
    }

    #[test]
    fn an_archive_has_the_sources_the_lock_and_the_manifest_that_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("app.py", "app"),
            ("lib/a.py", "a"),
            ("coracle.yaml", "name: usual"),
            ("coracle.lock", "version = 1"),
            (".git/config", "secret"),
            ("lib/__pycache__/a.pyc", "old"),
        ] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let entries = packed(folder.path(), None);
        let names: Vec<&str> = entries.keys().map(String::as_str).collect();
        assert_eq!(names, ["app.py", "coracle.lock", "coracle.yaml", "lib/a.py"]);
        assert_eq!(entries["coracle.yaml"], "name: usual");

        let other = tempfile::NamedTempFile::new().unwrap();
        fs::write(other.path(), "name: other").unwrap();
        assert_eq!(
            packed(folder.path(), Some(other.path()))["coracle.yaml"],
            "name: other"
        );
    }
}
