//! A body that was taken, unpacked: what it asks for, its build context, and the secrets that were sealed into it.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use coracle_content::Scratch;
use coracle_oci::{SourceError, UnpackLimits, unpack_context};
use coracle_spec::{ByteSize, Class, Failure};

use super::config::{ConfigError, Wanted};
use super::sealed::{SealedError, SealingKey};

const CONFIG: &str = "com.openfaas.docker.config";
const SECRETS: &str = "com.openfaas.secrets";
const CONTEXT: &str = "context";
/// How much a body may hold, decompressed.
const LIMITS: UnpackLimits = UnpackLimits {
    entries: 200_000,
    bytes: ByteSize::mebibytes(2 << 10),
};
/// The most bytes of the two files beside the context.
const LARGEST_FILE: u64 = 4 << 20;

/// A body on disk that was taken, and the folder it is in, gone with it.
#[derive(Debug)]
pub struct Spooled {
    /// The body: a tar, plain or compressed by gzip or zstd.
    pub file: PathBuf,
    /// The folder that it is in.
    pub scratch: Scratch,
}

/// What a body holds.
pub(super) struct Submission {
    pub(super) wanted: Wanted,
    pub(super) secrets: BTreeMap<String, Vec<u8>>,
    pub(super) context: PathBuf,
    /// The folder that all of it is in, gone when dropped.
    pub(super) scratch: Scratch,
}

/// Why a body is of no use.
#[derive(Debug, thiserror::Error)]
pub enum SubmissionError {
    /// It cannot be unpacked.
    #[error("cannot unpack the body")]
    Unpack(#[from] SourceError),
    /// It lacks a file.
    #[error("the body has no `{0}`")]
    Missing(&'static str),
    /// A file in it is too large.
    #[error("the body's `{name}` is larger than {} MiB", LARGEST_FILE >> 20)]
    TooLarge {
        /// The file.
        name: &'static str,
    },
    /// A file in it is no text.
    #[error("the body's `{0}` is not UTF-8")]
    NotText(&'static str),
    /// Nobody knows what it asks for.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its secrets cannot be opened.
    #[error(transparent)]
    Sealed(#[from] SealedError),
    /// The disk refused.
    #[error("cannot keep the body")]
    Keep(#[from] io::Error),
}

impl Failure for SubmissionError {
    fn class(&self) -> Class {
        match self {
            Self::Unpack(error) => error.class(),
            Self::Missing(_) | Self::TooLarge { .. } | Self::NotText(_) => Class::User,
            Self::Config(error) => error.class(),
            Self::Sealed(error) => error.class(),
            Self::Keep(error) if error.kind() == io::ErrorKind::StorageFull => Class::Busy,
            Self::Keep(_) => Class::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unpack(error) => error.hint(),
            Self::Missing(_) => Some(format!(
                "send a tar with `{CONFIG}` and `{CONTEXT}/Dockerfile` at its top"
            )),
            _ => None,
        }
    }
}

impl Submission {
    /// Unpacks a body. Blocks.
    pub(super) fn open(spooled: Spooled, key: &SealingKey) -> Result<Self, SubmissionError> {
        let Spooled { file, scratch } = spooled;
        let root = scratch.path().join("body");
        fs_err::create_dir(&root)?;
        unpack_context(
            fs_err::File::open(&file)?,
            &root,
            &[CONFIG, SECRETS, CONTEXT],
            &LIMITS,
        )?;
        fs_err::remove_file(&file)?;
        let config = read(&root, CONFIG)?.ok_or(SubmissionError::Missing(CONFIG))?;
        let context = root.join(CONTEXT);
        if !context.is_dir() {
            return Err(SubmissionError::Missing("context/"));
        }
        Ok(Self {
            wanted: Wanted::parse(&config)?,
            secrets: secrets(&root, key)?,
            context,
            scratch,
        })
    }
}

fn secrets(root: &Path, key: &SealingKey) -> Result<BTreeMap<String, Vec<u8>>, SubmissionError> {
    let Some(envelope) = read(root, SECRETS)? else {
        return Ok(BTreeMap::new());
    };
    let envelope = String::from_utf8(envelope).map_err(|_| SubmissionError::NotText(SECRETS))?;
    Ok(key.open(&envelope)?)
}

/// Reads a file at the top; no links are there.
fn read(root: &Path, name: &'static str) -> Result<Option<Vec<u8>>, SubmissionError> {
    let path = root.join(name);
    if !path.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    fs_err::File::open(path)?
        .take(LARGEST_FILE + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(SubmissionError::TooLarge { name });
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use coracle_content::Store;
    use proptest::prelude::*;

    use super::*;

    fn archive(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        for (name, body) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(body.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, name, body.as_bytes()).unwrap();
        }
        archive.into_inner().unwrap()
    }

    fn opened(archive: &[u8]) -> Result<Submission, SubmissionError> {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Store::open(folder.path()).unwrap().scratch().unwrap();
        let file = scratch.path().join("body.tar");
        fs_err::write(&file, archive).unwrap();
        let key = SealingKey::parse(&"A".repeat(43))
            .or_else(|_| SealingKey::parse(&format!("{}=", "A".repeat(43))));
        Submission::open(Spooled { file, scratch }, &key.unwrap())
    }

    const DOCKERFILE: (&str, &str) = ("context/Dockerfile", "FROM scratch");
    const NAMED: (&str, &str) = ("com.openfaas.docker.config", r#"{"image":"a"}"#);

    #[test]
    fn the_order_of_the_files_does_not_matter() {
        for entries in [[DOCKERFILE, NAMED], [NAMED, DOCKERFILE]] {
            let submission = opened(&archive(&entries)).unwrap();
            assert_eq!(submission.wanted.name, "a");
            assert!(submission.context.ends_with("context"));
            assert!(submission.context.starts_with(submission.scratch.path()));
        }
    }

    #[test]
    fn what_is_missing_or_too_large_is_named() {
        let large = " ".repeat(5 << 20);
        for (entries, reason) in [
            (&[DOCKERFILE][..], "the body has no `com.openfaas.docker.config`"),
            (&[NAMED], "the body has no `context/`"),
            (&[("context", "x"), NAMED], "the body has no `context/`"),
            (
                &[("com.openfaas.docker.config/x", ""), DOCKERFILE],
                "has no `com.openfaas.docker.config`",
            ),
            (
                &[("com.openfaas.docker.config", &*large), DOCKERFILE],
                "larger than 4 MiB",
            ),
            (&[NAMED, DOCKERFILE, ("com.openfaas.secrets", "x")], "no envelope"),
        ] {
            let Err(error) = opened(&archive(entries)) else {
                panic!("taken: {reason}")
            };
            assert!(error.to_string().contains(reason), "{error}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_bytes_make_it_panic(at in 0usize..2048, value: u8, end in 0usize..6000) {
            let mut bytes = archive(&[DOCKERFILE, NAMED]);
            let at = at % bytes.len();
            bytes[at] = value;
            bytes.truncate(end.max(1));
            let _ = opened(&bytes);
        }
    }
}
