//! What flags add to a function's configuration: environment variables and secrets.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use coracle_spec::{Class, Failure};

/// Flags that set environment variables.
#[derive(Debug, Clone, Args)]
pub(crate) struct EnvFlags {
    /// Set an environment variable
    #[arg(long, short, value_name = "NAME=VALUE")]
    env: Vec<Assignment>,
    /// Set the environment variables that FILE holds, one NAME=VALUE a line
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

/// `NAME=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretFile {
    /// The secret.
    pub(crate) name: String,
    /// The file that holds its value.
    pub(crate) file: PathBuf,
}

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
    /// A line of it says something else.
    #[error("line {line} of `{}` sets no variable: {reason}", file.display())]
    EnvLine {
        /// The file.
        file: PathBuf,
        /// The line, counted from one.
        line: usize,
        /// Why not.
        reason: String,
    },
    /// The file with a secret cannot be read.
    #[error("cannot read the secret `{name}`")]
    Secret {
        /// The secret.
        name: String,
        /// Why not.
        source: io::Error,
    },
}

impl Failure for AssignmentError {
    fn class(&self) -> Class {
        Class::User
    }
}

impl EnvFlags {
    /// Adds what the flags say to `env`: later flags win over earlier ones, and variables over files.
    pub(crate) fn add_to(&self, env: &mut BTreeMap<String, String>) -> Result<(), AssignmentError> {
        for file in &self.env_file {
            let text = fs_err::read_to_string(file).map_err(AssignmentError::EnvFile)?;
            env.extend(parse(&text, file)?);
        }
        let flags = self.env.iter().cloned();
        env.extend(flags.map(|assignment| (assignment.name, assignment.value)));
        Ok(())
    }
}

impl SecretFile {
    /// Reads the value.
    pub(crate) fn read(&self) -> Result<Vec<u8>, AssignmentError> {
        fs_err::read(&self.file).map_err(|source| AssignmentError::Secret {
            name: self.name.clone(),
            source,
        })
    }
}

/// Reads lines as Docker's `--env-file` does: nothing is unquoted; comments and empty lines are left out.
fn parse(text: &str, file: &Path) -> Result<Vec<(String, String)>, AssignmentError> {
    let lines = text.lines().map(str::trim_start).enumerate();
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(index, line)| {
            let assignment: Assignment = line.parse().map_err(|reason| AssignmentError::EnvLine {
                file: file.to_owned(),
                line: index + 1,
                reason,
            })?;
            Ok((assignment.name, assignment.value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_win_over_files_and_the_manifest() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".env");
        fs_err::write(&file, "# comment\n\nA=file\nB=\"quoted\"\nC=x=y\n").unwrap();
        let flags = EnvFlags {
            env: vec!["A=flag".parse().unwrap()],
            env_file: vec![file],
        };
        let mut env =
            BTreeMap::from([("A", "manifest"), ("D", "kept")].map(|(k, v)| (k.to_owned(), v.to_owned())));
        flags.add_to(&mut env).unwrap();
        let env: Vec<String> = env
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(env, ["A=flag", "B=\"quoted\"", "C=x=y", "D=kept"]);
    }

    #[test]
    fn a_line_that_sets_nothing_is_named() {
        let error = parse("A=1\n\nboat\n", Path::new(".env")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 3 of `.env` sets no variable: expected `NAME=VALUE`"
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
