//! A directory: an OCI image layout (image-spec, image-layout.md).

use std::io;
use std::path::Path;

use coracle_content::Blob;
use fs_err as fs;

use super::document::{LAYOUT, NamedIndex, blob_name};
use super::staging::Staging;
use super::whole::{PARTIAL, write_whole};
use super::{Content, ExportError, failed};

/// Makes the directory beside its place, or adds to one that is there.
pub(super) fn write_layout(directory: &Path, content: &Content) -> Result<(), ExportError> {
    if is_missing(directory) {
        let made = make(directory, content).map_err(|source| failed(directory, source))?;
        if made {
            return Ok(());
        }
    }
    let mut index = content.index.clone();
    if let Some(there) = existing_index(directory)? {
        index.merge(there);
    }
    fill(directory, content, &index).map_err(|source| failed(directory, source))
}

fn is_missing(directory: &Path) -> bool {
    let found = fs::symlink_metadata(directory);
    found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Makes a new layout; answers `false` if there is something at its place by now.
fn make(directory: &Path, content: &Content) -> io::Result<bool> {
    let staging = Staging::beside(directory)?;
    fill(staging.path(), content, &content.index)?;
    staging.settle(directory)
}

/// Writes blobs first and the index last, each in one piece.
fn fill(directory: &Path, content: &Content, index: &NamedIndex) -> io::Result<()> {
    fs::create_dir_all(directory.join("blobs/sha256"))?;
    for blob in &content.blobs {
        copy_blob(blob, &directory.join(blob_name(&blob.digest)))?;
    }
    replace(&directory.join("oci-layout"), LAYOUT)?;
    replace(&directory.join("index.json"), &serde_json::to_vec(index)?)
}

fn existing_index(directory: &Path) -> Result<Option<NamedIndex>, ExportError> {
    let occupied = || ExportError::Occupied {
        path: directory.to_owned(),
    };
    match fs::read(directory.join("index.json")) {
        Ok(json) => Ok(Some(serde_json::from_slice(&json).map_err(|_| occupied())?)),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(directory, error)),
        Err(_) if is_free(directory) => Ok(None),
        Err(_) => Err(occupied()),
    }
}

/// Answers whether `directory` is missing, empty, or an export that was cut off.
fn is_free(directory: &Path) -> bool {
    let Ok(entries) = fs::read_dir(directory) else {
        return true;
    };
    let ours = |name: std::ffi::OsString| name == "blobs" || name == "oci-layout" || is_temporary(&name);
    entries.flatten().all(|entry| ours(entry.file_name()))
}

fn is_temporary(name: &std::ffi::OsStr) -> bool {
    name.to_string_lossy().ends_with(PARTIAL)
}

fn copy_blob(blob: &Blob, to: &Path) -> io::Result<()> {
    if fs::metadata(to).is_ok_and(|there| there.len() == blob.size) {
        return Ok(());
    }
    write_whole(to, |partial| fs::copy(&blob.path, partial).map(drop))
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_whole(path, |partial| fs::write(partial, bytes))
}
