//! Coracle's own file of credentials: JSON that only its owner can read.
//!
//! The keys are registries as references name them. Docker's file lost as the place to store into: other programs
//! write it too, with their own ideas of what else is in it.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::secret::Secret;
use super::{Credential, CredentialError, Credentials, read};

/// Coracle's own file of credentials. It need not be there.
#[derive(Debug, Clone)]
pub struct File(PathBuf);

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Contents {
    registries: BTreeMap<String, Login>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    user: String,
    password: Secret,
}

impl File {
    /// Takes the file at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Answers the registries that it knows, each with the user's name.
    pub fn list(&self) -> Result<Vec<(String, String)>, CredentialError> {
        let logins = self.contents()?.registries.into_iter();
        Ok(logins.map(|(registry, login)| (registry, login.user)).collect())
    }

    /// Stores a user's name and password for `registry`, in place of those that were there.
    pub fn store(&self, registry: &str, user: &str, password: &Secret) -> Result<(), CredentialError> {
        let login = Login {
            user: user.to_owned(),
            password: password.clone(),
        };
        self.change(|contents| contents.registries.insert(registry.to_owned(), login))?;
        Ok(())
    }

    /// Forgets `registry`; answers whether it was known.
    pub fn remove(&self, registry: &str) -> Result<bool, CredentialError> {
        let gone = self.change(|contents| contents.registries.remove(registry))?;
        Ok(gone.is_some())
    }

    fn contents(&self) -> Result<Contents, CredentialError> {
        Ok(read(&self.0)?.unwrap_or_default())
    }

    /// Changes the file as a whole, one process after the other: a crash leaves the old one.
    fn change<T>(&self, change: impl FnOnce(&mut Contents) -> T) -> Result<T, CredentialError> {
        let failed = |source| CredentialError::Write {
            path: self.0.clone(),
            source,
        };
        let _alone = self.lock().map_err(failed)?;
        let mut contents = self.contents()?;
        let result = change(&mut contents);
        self.write(&contents).map_err(failed)?;
        Ok(result)
    }

    /// Holds a file beside it, since the file itself is replaced.
    fn lock(&self) -> io::Result<fs::File> {
        fs::create_dir_all(self.folder())?;
        let lock = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.0.with_extension("lock"))?;
        lock.file().lock()?;
        Ok(lock)
    }

    /// Temporary files have mode 0600 from the start.
    fn write(&self, contents: &Contents) -> io::Result<()> {
        let mut temporary = tempfile::NamedTempFile::new_in(self.folder())?;
        serde_json::to_writer_pretty(&mut temporary, contents)?;
        temporary.flush()?;
        temporary.as_file().sync_all()?;
        temporary.persist(&self.0).map_err(|error| error.error)?;
        Ok(())
    }

    fn folder(&self) -> &Path {
        let parent = self.0.parent().filter(|parent| !parent.as_os_str().is_empty());
        parent.unwrap_or(Path::new("."))
    }
}

#[async_trait]
impl Credentials for File {
    async fn for_host(&self, host: &str) -> Result<Option<Credential>, CredentialError> {
        let login = self.contents()?.registries.remove(host);
        Ok(login.map(|login| Credential::Basic {
            user: login.user,
            password: login.password,
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[tokio::test]
    async fn what_is_stored_is_found_until_it_is_removed_and_only_its_owner_reads_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("coracle/registries.json");
        let file = File::at(&path);
        assert_eq!(file.for_host("ghcr.io").await.unwrap(), None);
        file.store("ghcr.io", "ada", &Secret::new("old")).unwrap();
        file.store("ghcr.io", "ada", &Secret::new("sesame")).unwrap();
        file.store("localhost:5000", "bob", &Secret::new("x")).unwrap();
        assert_eq!(
            file.for_host("ghcr.io").await.unwrap(),
            Some(Credential::basic("ada", "sesame"))
        );
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(file.remove("ghcr.io").unwrap());
        assert!(!file.remove("ghcr.io").unwrap());
        assert_eq!(
            file.list().unwrap(),
            [("localhost:5000".to_owned(), "bob".to_owned())]
        );
    }

    #[test]
    fn logins_at_the_same_time_all_stay() {
        let home = tempfile::tempdir().unwrap();
        let file = File::at(home.path().join("registries.json"));
        std::thread::scope(|scope| {
            for number in 0..8 {
                let file = &file;
                scope.spawn(move || {
                    let host = format!("r{number}.example");
                    file.store(&host, "ada", &Secret::new("s")).unwrap();
                });
            }
        });
        assert_eq!(file.list().unwrap().len(), 8);
    }

    #[test]
    fn a_file_that_makes_no_sense_is_named_and_not_shown() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("registries.json");
        fs::write(&path, "{\n\"sesame\": 1}").unwrap();
        let error = File::at(&path).list().unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(
            text.contains("registries.json") && !text.contains("sesame"),
            "{text}"
        );
    }
}
