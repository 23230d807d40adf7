//! What flags add to a function's configuration: environment variables and secrets.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use coracle_spec::{Class, Failure, RevisionConfig};

use crate::env_file::{self, Invalid};

/// Flags that set environment variables.
#[derive(Debug, Clone, Args)]
pub(crate) struct EnvFlags {
    /// Set an environment variable
    #[arg(long, short, value_name = "NAME=VALUE")]
    env: Vec<Assignment>,
    /// Set the environment variables that FILE holds, as dotenv programs write it
    #[arg(long, value_name = "FILE")]
    env_file: Vec<PathBuf>,
}

/// `NAME=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Assignment {
    name: String,
    value: String,
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("expected `NAME=VALUE`")?;
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(format!("`{name}` is not the name of a variable"));
        }
        Ok(Self {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }
}

/// Flags of verbs that run a function by themselves: no server keeps its secrets.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigFlags {
    #[command(flatten)]
    env: EnvFlags,
    /// Give the function a secret, as the file `/run/secrets/NAME`
    #[arg(long, value_name = "NAME=FILE")]
    secret: Vec<SecretFile>,
}

/// `NAME=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SecretFile {
    name: String,
    file: PathBuf,
}

/// A secret's name and value.
pub(crate) type Secret = (String, Vec<u8>);

impl FromStr for SecretFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, file)) if !name.is_empty() && !file.is_empty() => Ok(Self {
                name: name.to_owned(),
                file: PathBuf::from(file),
            }),
            _ => Err("expected `NAME=FILE`".to_owned()),
        }
    }
}

/// Why variables or secrets cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AssignmentError {
    /// The file with variables cannot be read.
    #[error("cannot read the environment file")]
    EnvFile(#[source] io::Error),
    /// It says something else.
    #[error("cannot use the environment file `{}`", file.display())]
    EnvLine {
        /// The file.
        file: PathBuf,
        /// Which line, and why.
        source: Invalid,
    },
    /// The file with a secret cannot be read.
    #[error("cannot read the secret `{name}`")]
    Secret {
        /// The secret.
        name: String,
        /// Why not.
        source: io::Error,
    },
    /// The manifest names secrets that no flag gives.
    #[error("the manifest names secrets that are not given: `{}`", names.join("`, `"))]
    NotGiven {
        /// The secrets.
        names: Vec<String>,
    },
}

impl Failure for AssignmentError {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotGiven { names } => {
                let flags: Vec<String> = names
                    .iter()
                    .map(|name| format!("`--secret {name}=FILE`"))
                    .collect();
                Some(format!("add {}", flags.join(" ")))
            }
            Self::EnvFile(_) | Self::EnvLine { .. } | Self::Secret { .. } => None,
        }
    }
}

impl EnvFlags {
    /// Adds what the flags say to `env`: later flags win over earlier ones, and variables over files.
    pub(crate) fn add_to(&self, env: &mut BTreeMap<String, String>) -> Result<(), AssignmentError> {
        for file in &self.env_file {
            let text = fs_err::read_to_string(file).map_err(AssignmentError::EnvFile)?;
            let invalid = |source| AssignmentError::EnvLine {
                file: file.clone(),
                source,
            };
            env.extend(env_file::parse(&text).map_err(invalid)?);
        }
        let flags = self.env.iter().cloned();
        env.extend(flags.map(|assignment| (assignment.name, assignment.value)));
        Ok(())
    }
}

impl ConfigFlags {
    /// Adds what the flags say to a configuration, which then names every secret that is given, and no other.
    pub(crate) fn add_to(&self, config: &mut RevisionConfig) -> Result<(), AssignmentError> {
        self.env.add_to(&mut config.env)?;
        let given = |name: &String| self.secret.iter().any(|secret| secret.name == *name);
        let missing: Vec<String> = config
            .secrets
            .iter()
            .filter(|name| !given(name))
            .cloned()
            .collect();
        if !missing.is_empty() {
            return Err(AssignmentError::NotGiven { names: missing });
        }
        config.secrets = self.secret.iter().map(|secret| secret.name.clone()).collect();
        config.secrets.sort();
        config.secrets.dedup();
        Ok(())
    }

    /// Reads the secrets.
    pub(crate) fn secrets(&self) -> Result<Vec<Secret>, AssignmentError> {
        self.secret.iter().map(SecretFile::read).collect()
    }

    /// Answers the files that the flags name.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let secrets = self.secret.iter().map(|secret| secret.file.as_path());
        self.env.env_file.iter().map(PathBuf::as_path).chain(secrets)
    }
}

impl SecretFile {
    fn read(&self) -> Result<Secret, AssignmentError> {
        let value = fs_err::read(&self.file).map_err(|source| AssignmentError::Secret {
            name: self.name.clone(),
            source,
        })?;
        Ok((self.name.clone(), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(env: &[&str], env_file: &[&Path]) -> EnvFlags {
        EnvFlags {
            env: env.iter().map(|text| text.parse().unwrap()).collect(),
            env_file: env_file.iter().map(|path| (*path).to_owned()).collect(),
        }
    }

    #[test]
    fn variables_win_over_files_later_files_over_earlier_ones_and_files_over_the_manifest() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join(".env"), folder.path().join(".env.local"));
        fs_err::write(&first, "A=file\nB=\"quoted\"\nC=first\n").unwrap();
        fs_err::write(&second, "C=second\n").unwrap();
        let mut env =
            BTreeMap::from([("A", "manifest"), ("D", "kept")].map(|(k, v)| (k.to_owned(), v.to_owned())));
        flags(&["A=flag"], &[&first, &second]).add_to(&mut env).unwrap();
        let env: Vec<String> = env
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(env, ["A=flag", "B=quoted", "C=second", "D=kept"]);
    }

    #[test]
    fn a_file_that_makes_no_sense_is_named_with_the_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".env");
        fs_err::write(&file, "A=1\nboat\n").unwrap();
        let error = flags(&[], &[&file]).add_to(&mut BTreeMap::new()).unwrap_err();
        let expected = format!("cannot use the environment file `{}`", file.display());
        assert_eq!(error.to_string(), expected);
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(cause, "line 2: expected `NAME=VALUE`");
    }

    #[test]
    fn secrets_of_the_manifest_that_no_flag_gives_are_named_with_the_flags_to_add() {
        let flags = ConfigFlags {
            env: flags(&[], &[]),
            secret: vec!["given=f".parse().unwrap(), "more=f".parse().unwrap()],
        };
        let mut config = RevisionConfig {
            secrets: vec!["given".to_owned()],
            ..RevisionConfig::default()
        };
        flags.add_to(&mut config).unwrap();
        assert_eq!(config.secrets, ["given", "more"]);
        config.secrets = ["given", "db", "key"].map(str::to_owned).to_vec();
        let error = flags.add_to(&mut config).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the manifest names secrets that are not given: `db`, `key`"
        );
        assert_eq!(
            error.hint().as_deref(),
            Some("add `--secret db=FILE` `--secret key=FILE`")
        );
    }

    #[test]
    fn names_without_letters_and_secrets_without_files_are_refused() {
        for bad in ["", "A", "=x", "A B=x"] {
            assert!(bad.parse::<Assignment>().is_err(), "{bad}");
        }
        for bad in ["", "A", "A=", "=f"] {
            assert!(bad.parse::<SecretFile>().is_err(), "{bad}");
        }
    }
}
