//! The side that is right: BuildKit with its built-in front end for Dockerfiles.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coracle_peers::buildkit::{BuildKit as Daemon, Programs, Setup};
use serde_json::Value;

use crate::case::Case;
use crate::context::Context;
use crate::expected::Expected;
use crate::outcome::{Bases, Outcome};
use crate::registry::{Registry, STOOD_IN};
use crate::warning::Warning;

/// A BuildKit that takes base images from a registry on loopback.
pub struct BuildKit {
    daemon: Daemon,
    registry: String,
}

impl BuildKit {
    /// Starts one with all that it has beneath `scratch`, whose path is short.
    pub fn start(scratch: &Path, registry: &Registry) -> Result<Self> {
        let registry = registry.address().to_string();
        let setup = Setup {
            config: config(&registry),
            ..Setup::default()
        };
        Ok(Self {
            daemon: Daemon::start_with(Programs::pinned()?, scratch, &setup)?,
            registry,
        })
    }

    /// Answers its version.
    pub fn version(&self) -> &str {
        self.daemon.version()
    }

    /// Answers the id of its process.
    pub fn process(&self) -> u32 {
        self.daemon.process()
    }

    /// Prepares a call of its client.
    pub fn client(&self) -> Command {
        self.daemon.client()
    }

    /// Answers what it makes of a case.
    pub fn build(&self, case: &Case, bases: &Bases) -> Result<Expected> {
        let context = Context::of(case)?;
        let output = self.command(case, &context).output()?;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let warnings = warnings(&told);
        let outcome = if output.status.success() {
            bases.built(&context.output(), &self.registry)?
        } else {
            failed(&output)
        };
        Ok(Expected::of(&outcome, &warnings))
    }

    fn command(&self, case: &Case, context: &Context) -> Command {
        let (options, folder) = (&case.options, context.path());
        let mut command = self.daemon.client();
        command
            .args(["build", "--frontend", "dockerfile.v0", "--progress", "rawjson"])
            // Else it would ask a registry for the front end that a `syntax` line names.
            .args(["--opt", "cmdline=built-in"])
            .arg("--local")
            .arg(format!("context={}", folder.display()))
            .arg("--local")
            .arg(format!("dockerfile={}", folder.display()))
            .arg("--output")
            .arg(format!(
                "type=oci,tar=false,compression=uncompressed,force-compression=true,dest={}",
                context.output().display()
            ));
        let mut set = |name: &str, value: &str| {
            command.arg("--opt").arg(format!("{name}={value}"));
        };
        let named = [
            ("filename", &options.file),
            ("target", &options.target),
            ("platform", &options.platform),
        ];
        for (name, value) in named {
            if let Some(value) = value {
                set(name, value);
            }
        }
        for (name, value) in options.arguments(&self.registry) {
            set(&format!("build-arg:{name}"), &value);
        }
        for (name, value) in &options.labels {
            set(&format!("label:{name}"), value);
        }
        for id in options.secrets.keys() {
            let secret = context.secret(id);
            command
                .arg("--secret")
                .arg(format!("id={id},src={}", secret.display()));
        }
        command
    }
}

fn config(registry: &str) -> String {
    let mirror = |name: &&str| format!("[registry.\"{name}\"]\nmirrors = [\"{registry}\"]\n");
    let mirrors: String = STOOD_IN.iter().map(mirror).collect();
    format!("{mirrors}[registry.\"{registry}\"]\nhttp = true\n")
}

fn failed(output: &Output) -> Outcome {
    let told = String::from_utf8_lossy(&output.stderr);
    let message = told.lines().find_map(|line| line.strip_prefix("error: "));
    Outcome::Failed {
        line: told.lines().find_map(marked),
        message: lasting(message.unwrap_or_default()),
    }
}

/// Answers a message without what is different each time: the names of references inside BuildKit.
fn lasting(message: &str) -> String {
    let words = message.split(' ');
    let words = words.map(|word| if word.contains("::") { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// Answers the number of a line of the Dockerfile that the error is about: `   3 | >>> RUN false`.
fn marked(line: &str) -> Option<usize> {
    let (number, rest) = line.split_once(" | ")?;
    rest.starts_with(">>>").then(|| number.trim().parse().ok())?
}

fn warnings(told: &str) -> Vec<Warning> {
    let events = told
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut warnings: Vec<_> = events
        .flat_map(|event| event["warnings"].as_array().cloned().unwrap_or_default())
        .filter_map(|warning| understood(&warning).ok())
        .collect();
    warnings.sort();
    warnings.dedup();
    warnings
}

/// Reads a warning, whose short text begins with the rule's name.
fn understood(warning: &Value) -> Result<Warning> {
    let short = warning["short"].as_str().context("a warning without a text")?;
    let short = String::from_utf8(STANDARD.decode(short)?)?;
    let rule = short.split(':').next().unwrap_or_default();
    let line = warning["range"][0]["start"]["line"].as_u64().unwrap_or(0);
    Ok(Warning {
        line: usize::try_from(line)?,
        rule: rule.to_owned(),
    })
}
