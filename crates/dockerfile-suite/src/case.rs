//! A case: a folder with a Dockerfile, what it needs beside, and what BuildKit makes of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::expected::Expected;
use crate::setup::Setup;

/// The file of a case that is about it, not in its context.
pub(crate) const OPTIONS: &str = "case.toml";

/// What BuildKit makes of a case.
pub(crate) const EXPECTED: &str = "expected.txt";

/// The folder of a case that is served on loopback, not in its context.
pub(crate) const SERVED: &str = "served";

/// A build that both sides do.
#[derive(Debug, Clone)]
pub struct Case {
    /// The name of its folder, which says what it shows.
    pub name: String,
    /// What it is built with.
    pub options: Options,
    pub(crate) folder: PathBuf,
}

/// What a case is built with: `case.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The Dockerfile, when it has another name.
    pub file: Option<String>,
    /// The stage to build, when it is not the last.
    pub target: Option<String>,
    /// The platform to build for, when it is not this machine's.
    pub platform: Option<String>,
    /// Build arguments.
    #[serde(default)]
    pub args: BTreeMap<String, String>,
    /// Secrets: their ids and values.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// Labels given beside the Dockerfile.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Whether the address of the server on loopback is given as the build argument `SERVER`.
    #[serde(default)]
    pub server: bool,
    /// Whether only what is warned of is compared.
    #[serde(default)]
    pub check: bool,
    /// Why the native build is different, and known to be.
    pub differs: Option<String>,
    /// What of the context git cannot hold.
    #[serde(default)]
    pub(crate) setup: Setup,
}

impl Options {
    /// Answers all build arguments, those with the address of the `server` on loopback included.
    pub fn arguments(&self, server: &str) -> BTreeMap<String, String> {
        let mut arguments = self.args.clone();
        if self.server {
            arguments.insert("SERVER".to_owned(), format!("http://{server}"));
        }
        arguments
    }
}

impl Case {
    /// Answers all cases, sorted by name.
    pub fn all() -> Result<Vec<Self>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
        let mut cases = fs_err::read_dir(folder)?
            .map(|entry| Self::read(entry?.path()))
            .collect::<Result<Vec<_>>>()?;
        cases.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(cases)
    }

    fn read(folder: PathBuf) -> Result<Self> {
        let name = folder.file_name().context("a case has a name")?;
        let options = folder.join(OPTIONS);
        let options = if options.exists() {
            toml::from_str(&fs_err::read_to_string(&options)?)
                .with_context(|| format!("cannot read `{}`", options.display()))?
        } else {
            Options::default()
        };
        Ok(Self {
            name: name.to_string_lossy().into_owned(),
            options,
            folder,
        })
    }

    /// Answers what BuildKit made of it when that was recorded.
    pub fn expected(&self) -> Result<Expected> {
        let path = self.folder.join(EXPECTED);
        let text = fs_err::read_to_string(&path)
            .with_context(|| format!("`cargo xtask dockerfiles {}` makes it", self.name))?;
        Ok(Expected::new(text))
    }

    /// Records what BuildKit made of it.
    pub fn record(&self, expected: &Expected) -> Result<()> {
        Ok(fs_err::write(self.folder.join(EXPECTED), expected.text())?)
    }
}
