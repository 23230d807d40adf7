//! The body that the Function Builder API takes: a tar with the context and what should become of it, and its signature.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};

use coracle_build::{Selected, Selection, What};
use coracle_spec::manifest::Platform;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Serialize;
use sha2::Sha256;
use tar::{Builder, EntryType, Header};

const CONTEXT: &str = "context";
const CONFIG: &str = "com.openfaas.docker.config";

/// What the server is asked for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Config<'a> {
    pub(super) image: String,
    pub(super) build_args: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) platforms: Vec<&'static str>,
}

impl<'a> Config<'a> {
    pub(super) fn new(
        image: String,
        build_args: &'a BTreeMap<String, String>,
        platforms: &[Platform],
    ) -> Self {
        Self {
            image,
            build_args,
            platforms: platforms.iter().map(|platform| platform.name()).collect(),
        }
    }
}

/// Writes the archive: the same for the same context, whenever and by whomever it is made. Leaves it at its beginning.
pub(super) fn pack(selection: &Selection, config: &Config<'_>) -> io::Result<File> {
    let mut archive = Builder::new(tempfile::tempfile()?);
    selection.each(&mut |selected| add(&mut archive, selected))?;
    let config = serde_json::to_vec(config)?;
    let mut header = header(EntryType::Regular, 0o644, config.len() as u64);
    archive.append_data(&mut header, CONFIG, &config[..])?;
    let mut file = archive.into_inner()?;
    file.rewind()?;
    Ok(file)
}

fn add(archive: &mut Builder<File>, selected: Selected<'_>) -> io::Result<()> {
    let name = within(selected.path);
    let mode = selected.mode;
    match selected.what {
        What::Folder => archive.append_data(&mut header(EntryType::Directory, mode, 0), name, io::empty()),
        What::File(size, bytes) => {
            archive.append_data(&mut header(EntryType::Regular, mode, size), name, bytes)
        }
        What::Link(target) => archive.append_link(&mut header(EntryType::Symlink, mode, 0), name, target),
        What::Same(other) => archive.append_link(&mut header(EntryType::Link, mode, 0), name, within(other)),
    }
}

fn within(path: &Path) -> PathBuf {
    // Joined with nothing, a name would end with a slash.
    [Path::new(CONTEXT), path]
        .iter()
        .filter(|part| !part.as_os_str().is_empty())
        .collect()
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header
}

/// Signs the archive (HMAC-SHA256, RFC 2104), and leaves it at its beginning. Space around the secret is no part of it.
pub(super) fn signature(secret: &str, archive: &mut File) -> io::Result<String> {
    #[expect(clippy::expect_used, reason = "the algorithm takes keys of every length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.trim().as_bytes()).expect("a key of any length");
    let mut buffer = vec![0; 64 << 10];
    loop {
        match archive.read(&mut buffer)? {
            0 => break,
            count => mac.update(&buffer[..count]),
        }
    }
    archive.rewind()?;
    let mut text = "sha256=".to_owned();
    for byte in mac.finalize().into_bytes() {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_whole_archive() {
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, b"what do ya want for nothing?").unwrap();
        file.rewind().unwrap();
        // RFC 4231, test case 2.
        let expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signature("Jefe\n", &mut file).unwrap(), expected);
    }

    #[test]
    fn everything_is_in_the_context() {
        assert_eq!(within(Path::new("")).as_os_str(), "context");
        assert_eq!(within(Path::new("a/b")).as_os_str(), "context/a/b");
    }
}
