//! A registry of one's own: Debian's `docker-registry`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::daemon::Daemon;

/// Whom a registry lets in that asks: this user with the password `sesame`, as `htpasswd -B` writes it.
const HTPASSWD: &str = "ada:$2b$05$abcdefghijklmnopqrstuuKcS.CYWVYVaLiiCKrrc0A5s3mGesJ9O\n";

/// How a registry is started.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// Whether it asks for the user `ada` with the password `sesame`.
    pub asks: bool,
    /// Its certificate and key, in PEM, when it speaks TLS.
    pub tls: Option<(&'a Path, &'a Path)>,
}

/// A registry on loopback, ended when it is dropped.
pub struct Registry {
    daemon: Daemon,
    host: String,
}

impl Registry {
    /// Starts one with all that it has beneath `scratch`.
    pub fn start(scratch: &Path, options: Options<'_>) -> Result<Self> {
        let folder = scratch.join("docker-registry");
        fs_err::create_dir_all(&folder)?;
        let config = folder.join("config.yml");
        fs_err::write(&config, configuration(&folder, options)?)?;
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config);
        let (daemon, ready) = Daemon::start(&mut command, &folder.join("log"), ("listening on", 1))?;
        let host = ready.first().and_then(|line| address(line));
        Ok(Self {
            daemon,
            host: host.context("docker-registry does not say where it listens")?,
        })
    }

    /// Answers its name in references: `127.0.0.1:PORT`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Answers what it wrote on standard error so far: each request, for one.
    pub fn log(&self) -> String {
        self.daemon.said()
    }
}

/// Answers the address in the line `… msg="listening on 127.0.0.1:40000, tls" …`.
fn address(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("listening on ")?;
    let end = rest.find(['"', ',', ' ']).unwrap_or(rest.len());
    Some(rest[..end].to_owned())
}

/// Its configuration. JSON is YAML.
fn configuration(folder: &Path, options: Options<'_>) -> Result<String> {
    let mut http = serde_json::json!({"addr": "127.0.0.1:0"});
    if let Some((certificate, key)) = options.tls {
        http["tls"] = serde_json::json!({"certificate": certificate, "key": key});
    }
    let mut configuration = serde_json::json!({
        "version": "0.1",
        "log": {"level": "info"},
        "storage": {"filesystem": {"rootdirectory": folder.join("data")}, "delete": {"enabled": true}},
        "http": http,
    });
    if options.asks {
        let path = folder.join("htpasswd");
        fs_err::write(&path, HTPASSWD)?;
        configuration["auth"] = serde_json::json!({"htpasswd": {"realm": "harbour", "path": path}});
    }
    Ok(configuration.to_string())
}
