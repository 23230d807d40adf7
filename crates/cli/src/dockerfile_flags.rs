//! Flags that say how a Dockerfile is built.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use coracle_build::{DockerfileOptions, Pull, Reuse, SecretValue};
use coracle_spec::{Class, Failure};

use crate::settings::Inherited;

/// What flags stand under in help. Named for each one: a heading for all would be that of the flags that follow, too.
const HEADING: &str = "Dockerfiles";

/// Flags of verbs that build.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct DockerfileFlags {
    /// Build the image of this stage
    #[arg(help_heading = HEADING, long, value_name = "STAGE")]
    target: Option<String>,
    /// Set a variable of the Dockerfile; without a value, to what it is in the environment
    #[arg(help_heading = HEADING, long, value_name = "NAME[=VALUE]")]
    build_arg: Vec<Variable>,
    /// Add a label to the image
    #[arg(help_heading = HEADING, long, value_name = "NAME=VALUE")]
    label: Vec<Label>,
    /// Carry out every step again
    #[arg(help_heading = HEADING, long)]
    no_cache: bool,
    /// Ask registries what base images are now
    #[arg(help_heading = HEADING, long)]
    pull: bool,
}

/// Flags of verbs that build and do nothing else.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SecretFlags {
    /// Let commands read a secret: `id=ID,src=FILE` or `id=ID,env=NAME`
    #[arg(help_heading = HEADING, long, value_name = "SECRET")]
    secret: Vec<Secret>,
}

/// `NAME` or `NAME=VALUE`.
#[derive(Debug, Clone)]
struct Variable {
    name: String,
    value: Option<String>,
}

impl FromStr for Variable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        if name.is_empty() {
            return Err("expected `NAME` or `NAME=VALUE`".to_owned());
        }
        Ok(Self {
            name: name.to_owned(),
            value,
        })
    }
}

/// `NAME=VALUE`.
#[derive(Debug, Clone)]
struct Label {
    name: String,
    value: String,
}

impl FromStr for Label {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        if name.is_empty() {
            return Err("expected `NAME=VALUE`".to_owned());
        }
        Ok(Self {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }
}

/// `id=ID,src=FILE` or `id=ID,env=NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Secret {
    id: String,
    from: SecretFrom,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum SecretFrom {
    File(PathBuf),
    Variable(String),
}

impl FromStr for Secret {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut id, mut from) = (None, None);
        for part in text.split(',') {
            match part.split_once('=') {
                Some(("id", value)) => id = Some(value.to_owned()),
                Some(("src" | "source", value)) => from = Some(SecretFrom::File(value.into())),
                Some(("env", value)) => from = Some(SecretFrom::Variable(value.to_owned())),
                Some(("type", "file" | "env")) => {}
                _ => return Err(format!("`{part}` says nothing about a secret")),
            }
        }
        let id = id.filter(|id| !id.is_empty()).ok_or("it has no `id=ID`")?;
        // As Docker has it: a secret that says nothing more is a variable of that name.
        let from = from.unwrap_or_else(|| SecretFrom::Variable(id.clone()));
        Ok(Self { id, from })
    }
}

/// Why a secret cannot be given to a build.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildSecretError {
    /// Its file cannot be read.
    #[error("cannot read the secret `{id}`")]
    Read {
        /// Its id.
        id: String,
        /// Why not.
        source: io::Error,
    },
    /// Its variable is not set.
    #[error("the secret `{id}` is to be the variable `{name}`, which is not set")]
    Unset {
        /// Its id.
        id: String,
        /// The variable.
        name: String,
    },
}

impl Failure for BuildSecretError {
    fn class(&self) -> Class {
        Class::User
    }
}

impl DockerfileFlags {
    /// Adds what the flags say.
    pub(crate) fn add_to(&self, options: &mut DockerfileOptions, inherited: &Inherited) {
        options.stage.clone_from(&self.target);
        for variable in &self.build_arg {
            let value = variable.value.clone().or_else(|| inherited.get(&variable.name));
            options
                .args
                .extend(value.map(|value| (variable.name.clone(), value)));
        }
        let labels = self.label.iter();
        options
            .labels
            .extend(labels.map(|label| (label.name.clone(), label.value.clone())));
        if self.no_cache {
            options.reuse = Reuse::Nothing;
        }
        if self.pull {
            options.pull = Pull::Always;
        }
    }
}

impl SecretFlags {
    /// Adds the secrets that the flags name.
    pub(crate) fn add_to(
        &self,
        options: &mut DockerfileOptions,
        inherited: &Inherited,
    ) -> Result<(), BuildSecretError> {
        for Secret { id, from } in &self.secret {
            let value = match from {
                SecretFrom::File(path) => read(id, path)?,
                SecretFrom::Variable(name) => {
                    let unset = || BuildSecretError::Unset {
                        id: id.clone(),
                        name: name.clone(),
                    };
                    SecretValue::new(inherited.get(name).ok_or_else(unset)?)
                }
            };
            options.secrets.insert(id.clone(), value);
        }
        Ok(())
    }
}

/// Reads the secrets that a manifest names, files beneath `folder`.
pub(crate) fn of_manifest(
    named: &BTreeMap<String, String>,
    folder: &std::path::Path,
) -> Result<BTreeMap<String, SecretValue>, BuildSecretError> {
    named
        .iter()
        .map(|(id, path)| Ok((id.clone(), read(id, &folder.join(path))?)))
        .collect()
}

fn read(id: &str, path: &std::path::Path) -> Result<SecretValue, BuildSecretError> {
    let bytes = fs_err::read(path).map_err(|source| BuildSecretError::Read {
        id: id.to_owned(),
        source,
    })?;
    Ok(SecretValue::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_as_docker_writes_them() {
        let file = |path: &str| SecretFrom::File(path.into());
        for (text, id, from) in [
            ("id=a,src=/x", "a", file("/x")),
            ("type=file,id=a,source=x", "a", file("x")),
            ("id=a,env=B", "a", SecretFrom::Variable("B".to_owned())),
            ("id=a", "a", SecretFrom::Variable("a".to_owned())),
        ] {
            let id = id.to_owned();
            assert_eq!(text.parse::<Secret>().unwrap(), Secret { id, from }, "{text}");
        }
        for bad in ["", "src=x", "id=", "id=a,what=x"] {
            assert!(bad.parse::<Secret>().is_err(), "{bad}");
        }
    }
}
