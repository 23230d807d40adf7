//! The servers this user is logged in to, stored in one file that only the user can read.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use coracle_api::Credentials;
use coracle_spec::{Class, Failure};
use serde::{Deserialize, Serialize};

/// The logins. The file is JSON.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Logins {
    /// The server logged in to last.
    last: Option<String>,
    servers: BTreeMap<String, Login>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    user: String,
    password: String,
}

/// Why the logins cannot be read or stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginsError {
    /// The user has no home.
    #[error("cannot store logins: neither `HOME` nor `XDG_CONFIG_HOME` is set")]
    NoHome,
    /// The file cannot be read.
    #[error("cannot read the logins")]
    Read(#[source] io::Error),
    /// The file holds something else.
    #[error("`{}` does not hold logins", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The file cannot be written.
    #[error("cannot store the login in `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Failure for LoginsError {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Malformed { path, .. } => {
                Some(format!("remove it and log in again: `rm {}`", path.display()))
            }
            _ => None,
        }
    }
}

impl Logins {
    /// Reads the logins from `file`; there are none without a file.
    pub(crate) fn read(file: Option<&Path>) -> Result<Self, LoginsError> {
        let Some(path) = file else {
            return Ok(Self::default());
        };
        match fs_err::read(path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|source| LoginsError::Malformed {
                path: path.to_owned(),
                source,
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(LoginsError::Read(error)),
        }
    }

    /// Answers the server logged in to last.
    pub(crate) fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// Answers the addresses of the servers that are known.
    #[cfg(all(feature = "engine", target_os = "linux"))]
    pub(crate) fn servers(&self) -> impl Iterator<Item = &str> {
        self.servers.keys().map(String::as_str)
    }

    /// Answers who we are at `server`.
    pub(crate) fn credentials(&self, server: &str) -> Credentials {
        match self.servers.get(server) {
            Some(login) => Credentials::Basic {
                user: login.user.clone(),
                password: login.password.clone(),
            },
            None => Credentials::None,
        }
    }

    /// Adds a login, makes it the last one, and writes the file, readable by its owner only.
    pub(crate) fn store(
        mut self,
        server: &str,
        user: &str,
        password: &str,
        file: &Path,
    ) -> Result<(), LoginsError> {
        let login = Login {
            user: user.to_owned(),
            password: password.to_owned(),
        };
        self.servers.insert(server.to_owned(), login);
        self.last = Some(server.to_owned());
        self.write(file).map_err(|source| LoginsError::Write {
            path: file.to_owned(),
            source,
        })
    }

    /// Replaces the file as a whole: a crash leaves the old one. Temporary files have mode 0600 from the start.
    fn write(&self, file: &Path) -> io::Result<()> {
        let directory = file.parent().unwrap_or(Path::new("."));
        fs_err::create_dir_all(directory)?;
        let mut temporary = tempfile::NamedTempFile::new_in(directory)?;
        serde_json::to_writer_pretty(&mut temporary, self)?;
        temporary.as_file_mut().flush()?;
        temporary.as_file().sync_all()?;
        temporary.persist(file).map_err(|error| error.error)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn logins_are_readable_by_their_owner_only() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("coracle/logins.json");
        Logins::default()
            .store("http://a", "admin", "sesame", &file)
            .unwrap();
        assert_eq!(
            fs_err::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn a_second_login_keeps_the_first_and_is_the_last() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("logins.json");
        Logins::default().store("http://a", "admin", "1", &file).unwrap();
        Logins::read(Some(&file))
            .unwrap()
            .store("http://b", "admin", "2", &file)
            .unwrap();
        let logins = Logins::read(Some(&file)).unwrap();
        assert_eq!(logins.last(), Some("http://b"));
        assert_eq!(logins.credentials("http://a"), Credentials::admin("1"));
    }

    #[test]
    fn a_file_with_something_else_is_an_error_that_names_it() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("logins.json");
        fs_err::write(&file, "boat").unwrap();
        let error = Logins::read(Some(&file)).err().unwrap();
        assert!(error.hint().unwrap().contains(&*file.to_string_lossy()));
    }
}
