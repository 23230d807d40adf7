//! The secrets of the first start: made once, kept in files that only their owner reads, never printed.

use std::fmt;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD, URL_SAFE_NO_PAD};
use coracle_platform::{EmptySecret, InvalidSealingKey, PayloadKey, SealingKey, Tenant};
use coracle_spec::{Class, Failure, Hasher};
use fs_err as fs;
use ring::hmac;

/// Why the secrets cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The file system refused.
    #[error("cannot read or write the secret `{path}`")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it answered.
        source: std::io::Error,
    },
    /// The file holds nothing, which would let everybody in.
    #[error("the secret `{path}` is empty")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The payload secret is empty.
    #[error(transparent)]
    EmptyPayload(#[from] EmptySecret),
    /// The file holds no key.
    #[error("`{path}` holds no key that build secrets are sealed for")]
    Sealing {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: InvalidSealingKey,
    },
}

impl Failure for AuthError {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Io { .. } | Self::EmptyPayload(_) => None,
            Self::Empty { .. } | Self::Sealing { .. } => {
                Some("remove the file; the next start makes a new secret".to_owned())
            }
        }
    }
}

/// The server's secrets. Prints without them.
#[derive(Clone)]
pub struct Secrets {
    password: String,
    made: Vec<PathBuf>,
    password_file: PathBuf,
    payload: String,
    sealing: String,
    sealing_file: PathBuf,
}

impl Secrets {
    /// Reads the secrets in `folder`, and makes those that are not there.
    pub fn of(folder: &Path) -> Result<Self, AuthError> {
        let (password_file, payload_file) = (folder.join("admin-password"), folder.join("payload-secret"));
        let mut made = Vec::new();
        let password = read_or_make(&password_file, &URL_SAFE_NO_PAD, &mut made)?;
        let payload = read_or_make(&payload_file, &URL_SAFE_NO_PAD, &mut made)?;
        let sealing_file = folder.join("build-secrets-key");
        let sealing = read_or_make(&sealing_file, &STANDARD, &mut made)?;
        Ok(Self {
            password,
            made,
            password_file,
            payload,
            sealing,
            sealing_file,
        })
    }

    /// Answers the files that this start has made.
    pub fn made(&self) -> &[PathBuf] {
        &self.made
    }

    /// Answers where the administrator's password is.
    pub fn password_file(&self) -> &Path {
        &self.password_file
    }

    /// Answers the key that bodies for the Function Builder are signed with, unless others are set.
    pub fn payload_key(&self) -> Result<PayloadKey, AuthError> {
        Ok(PayloadKey::new(Tenant::default(), &self.payload)?)
    }

    /// Answers the key that build secrets are sealed for, unless another is set.
    pub fn sealing_key(&self) -> Result<SealingKey, AuthError> {
        SealingKey::parse(&self.sealing).map_err(|source| AuthError::Sealing {
            path: self.sealing_file.clone(),
            source,
        })
    }

    /// Answers whether `given` is the administrator's password; takes the same time for every wrong one.
    pub fn is_password(&self, given: &str) -> bool {
        let (known, given) = (digest(&self.password), digest(given));
        known
            .iter()
            .zip(given)
            .fold(0, |difference, (a, b)| difference | (a ^ b))
            == 0
    }
}

impl Secrets {
    /// Answers a key that whoever does not know the password cannot have, for one purpose.
    pub(super) fn key(&self, purpose: &str) -> hmac::Key {
        let password = hmac::Key::new(hmac::HMAC_SHA256, self.password.as_bytes());
        hmac::Key::new(
            hmac::HMAC_SHA256,
            hmac::sign(&password, purpose.as_bytes()).as_ref(),
        )
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.password_file.display())
    }
}

/// Answers a digest of a fixed length, so that a comparison tells nothing of the text's.
fn digest(text: &str) -> Vec<u8> {
    let mut hasher = Hasher::default();
    hasher.update(text.as_bytes());
    hasher.finish().hex().into_bytes()
}

fn read_or_make(path: &Path, text: &GeneralPurpose, made: &mut Vec<PathBuf>) -> Result<String, AuthError> {
    let io = |source| AuthError::Io {
        path: path.to_owned(),
        source,
    };
    match fs::read_to_string(path) {
        Ok(text) if text.trim().is_empty() => Err(AuthError::Empty {
            path: path.to_owned(),
        }),
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let secret = make(path, text).map_err(io)?;
            made.push(path.to_owned());
            Ok(secret)
        }
        Err(error) => Err(io(error)),
    }
}

/// Makes a secret of 256 random bits. Written under another name first: a half-written one would lock everybody out.
fn make(path: &Path, text: &GeneralPurpose) -> std::io::Result<String> {
    let secret = text.encode(rand::random::<[u8; 32]>());
    let unfinished = path.with_extension("new");
    let mut file = fs_err::OpenOptions::from_options(private()).open(&unfinished)?;
    writeln!(file, "{secret}")?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    Ok(secret)
}

fn private() -> std::fs::OpenOptions {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_first_start_makes_secrets_that_only_their_owner_reads_and_the_next_one_keeps_them() {
        let folder = tempfile::tempdir().unwrap();
        let first = Secrets::of(folder.path()).unwrap();
        assert_eq!(first.made().len(), 3);
        for path in first.made() {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let second = Secrets::of(folder.path()).unwrap();
        assert!(second.made().is_empty());
        assert!(second.is_password(&first.password));
        assert!(!format!("{second:?}").contains(&first.password));
    }

    #[test]
    fn only_the_password_is_the_password() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::of(folder.path()).unwrap();
        for wrong in ["", "x", &secrets.password[1..], &format!("{} ", secrets.password)] {
            assert!(!secrets.is_password(wrong), "{wrong}");
        }
    }

    #[test]
    fn an_empty_password_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("admin-password"), "\n").unwrap();
        assert!(matches!(Secrets::of(folder.path()), Err(AuthError::Empty { .. })));
    }
}
