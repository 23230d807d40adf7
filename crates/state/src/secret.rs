//! Secrets: one file each, readable by the platform's user only.
//!
//! The files are the list too: a table of names beside them could only disagree. Encryption lost: its key would lie
//! on the same disk, readable by the same user.

use std::fmt;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use coracle_spec::{Class, Failure, Namespace};

/// The longest value.
const LARGEST: usize = 1 << 20;

/// The secrets under one directory. Calls block for as long as the disk takes.
#[derive(Debug, Clone)]
pub struct Secrets {
    root: PathBuf,
}

/// A secret as it is listed: its value stays where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its name, which is also its file's name inside instances.
    pub name: String,
    /// When it was set last: seconds since 1970-01-01 UTC.
    pub updated_at: u64,
}

/// Why a secret cannot be set or read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The name cannot be a file's name everywhere.
    #[error("`{0}` is not a secret's name: expected 1 to 253 letters, digits, dashes, dots and underscores")]
    InvalidName(String),
    /// The value is too long.
    #[error("the secret is larger than {} KiB", LARGEST >> 10)]
    TooLarge,
    /// There is no such secret.
    #[error("there is no secret `{name}` in namespace `{namespace}`")]
    Unknown {
        /// The namespace.
        namespace: Namespace,
        /// The name asked for.
        name: String,
    },
    /// The disk does not answer.
    #[error("cannot read or write the secrets")]
    Io(#[from] io::Error),
}

impl Failure for SecretError {
    fn class(&self) -> Class {
        match self {
            Self::InvalidName(_) | Self::TooLarge => Class::User,
            Self::Unknown { .. } => Class::NotFound,
            Self::Io(error) if error.kind() == io::ErrorKind::StorageFull => Class::Unavailable,
            Self::Io(_) => Class::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        matches!(self, Self::Unknown { .. }).then(|| "set it with `coracle secret set`".to_owned())
    }
}

impl Secrets {
    pub(crate) fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// Sets a secret. Whoever reads it at the same time sees the old value or the new one, whole.
    pub fn set(&self, namespace: &Namespace, name: &str, value: &[u8]) -> Result<(), SecretError> {
        let path = self.path(namespace, name)?;
        if value.len() > LARGEST {
            return Err(SecretError::TooLarge);
        }
        let directory = self.root.join(namespace.as_str());
        private_directory(&directory)?;
        let temporary = directory.join(format!("{TEMPORARY}{name}.{}", std::process::id()));
        write_private(&temporary, value)?;
        fs_err::rename(&temporary, &path)?;
        Ok(fs_err::File::open(&directory)?.sync_all()?)
    }

    /// Answers a secret's value.
    pub fn get(&self, namespace: &Namespace, name: &str) -> Result<Value, SecretError> {
        let path = self.path(namespace, name)?;
        match fs_err::read(path) {
            Ok(value) => Ok(Value(value)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(unknown(namespace, name)),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a secret.
    pub fn remove(&self, namespace: &Namespace, name: &str) -> Result<(), SecretError> {
        let path = self.path(namespace, name)?;
        match fs_err::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(unknown(namespace, name)),
            other => Ok(other?),
        }
    }

    /// Answers the secrets of a namespace, by name.
    pub fn list(&self, namespace: &Namespace) -> Result<Vec<Secret>, SecretError> {
        let entries = match fs_err::read_dir(self.root.join(namespace.as_str())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let listed = entries
            .map(|entry| listed(&entry?))
            .collect::<io::Result<Vec<_>>>()?;
        let mut secrets: Vec<_> = listed.into_iter().flatten().collect();
        secrets.sort_by(|one: &Secret, other| one.name.cmp(&other.name));
        Ok(secrets)
    }

    fn path(&self, namespace: &Namespace, name: &str) -> Result<PathBuf, SecretError> {
        if !is_name(name) {
            return Err(SecretError::InvalidName(name.to_owned()));
        }
        Ok(self.root.join(namespace.as_str()).join(name))
    }
}

/// Starts the names of files that are not secrets yet; no secret's name starts like that.
const TEMPORARY: &str = ".new-";

/// A secret's value. It prints as nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Value(Vec<u8>);

impl Value {
    /// Answers the bytes.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value(…)")
    }
}

fn unknown(namespace: &Namespace, name: &str) -> SecretError {
    SecretError::Unknown {
        namespace: namespace.clone(),
        name: name.to_owned(),
    }
}

/// A file's name, as Kubernetes takes for a secret's key: nothing that leads elsewhere, nothing hidden.
fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    (1..=253).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('.')
}

fn private_directory(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

fn write_private(path: &Path, value: &[u8]) -> io::Result<()> {
    let mut options = fs_err::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    options.options_mut().mode(0o600);
    let mut file = options.open(path)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    file.write_all(value)?;
    file.sync_all()
}

fn listed(entry: &fs_err::DirEntry) -> io::Result<Option<Secret>> {
    let Ok(name) = entry.file_name().into_string() else {
        return Ok(None);
    };
    if !is_name(&name) {
        return Ok(None);
    }
    let modified = entry
        .metadata()?
        .modified()?
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Ok(Some(Secret {
        name,
        updated_at: modified.as_secs(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> (tempfile::TempDir, Secrets) {
        let directory = tempfile::tempdir().unwrap();
        let secrets = Secrets::at(directory.path().join("secrets"));
        (directory, secrets)
    }

    fn names(secrets: &Secrets) -> Vec<String> {
        secrets
            .list(&Namespace::default())
            .unwrap()
            .into_iter()
            .map(|secret| secret.name)
            .collect()
    }

    #[test]
    fn a_secret_is_set_listed_read_and_removed() {
        let (_directory, secrets) = secrets();
        let namespace = Namespace::default();
        assert!(names(&secrets).is_empty());
        secrets.set(&namespace, "password", b"one").unwrap();
        secrets.set(&namespace, "password", b"two\n").unwrap();
        secrets.set(&namespace, "db.key", b"").unwrap();
        assert_eq!(names(&secrets), ["db.key", "password"]);
        assert_eq!(secrets.get(&namespace, "password").unwrap().expose(), b"two\n");
        secrets.remove(&namespace, "password").unwrap();
        assert!(matches!(
            secrets.get(&namespace, "password"),
            Err(SecretError::Unknown { .. })
        ));
        assert!(matches!(
            secrets.remove(&namespace, "password"),
            Err(SecretError::Unknown { .. })
        ));
    }

    #[test]
    fn only_the_owner_reads_files_and_directories() {
        let (directory, secrets) = secrets();
        secrets.set(&Namespace::default(), "password", b"x").unwrap();
        let mode = |path: &str| {
            let path = directory.path().join("secrets").join(path);
            fs_err::metadata(path).unwrap().permissions().mode() & 0o777
        };
        assert_eq!((mode("default"), mode("default/password")), (0o700, 0o600));
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        let (_directory, secrets) = secrets();
        for name in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            ".new-x",
            "a b",
            "ä",
            &"x".repeat(254),
        ] {
            let set = secrets.set(&Namespace::default(), name, b"x");
            assert!(matches!(set, Err(SecretError::InvalidName(_))), "{name}");
        }
    }

    #[test]
    fn a_value_does_not_print() {
        assert_eq!(format!("{:?}", Value(b"hunter2".to_vec())), "Value(…)");
    }
}
