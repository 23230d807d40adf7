//! What the host says about reaching the outside world, carried into build sandboxes for as long as a step runs.

use std::path::PathBuf;
use std::time::Duration;

use coracle_sandbox::{Bind, Limits, PlacedFile};
use coracle_spec::ByteSize;

use crate::registries::Registries;

/// Where the bundle of trusted certificates lies in a builder root, and where every client there looks for it.
const CA_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// What tells programs where the bundle is.
pub(crate) const CA_VARIABLES: [&str; 5] = [
    "SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
];

/// Where npm in a sandbox finds its registries and credentials.
const NPMRC: &str = "/run/coracle/npmrc";

/// Where Go in a sandbox finds its credentials.
const NETRC: &str = "/run/coracle/netrc";

/// What the host says about reaching the outside world, and what steps may use of it.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The package registries and how to authenticate there.
    pub registries: Registries,
    /// The host's bundle of trusted certificates, in PEM.
    pub ca_bundle: Option<PathBuf>,
    /// The one that somebody configured, for steps whose root has certificates of its own.
    pub own_bundle: Option<PathBuf>,
    /// The proxy variables, by their upper-case names.
    pub proxies: Vec<(String, String)>,
    /// How long one step may take.
    pub step_timeout: Duration,
    /// The most that one step may use.
    pub limits: Limits,
    /// The most that one step may write beneath its root.
    pub disk: ByteSize,
}

impl Surroundings {
    /// Answers the variables that a step with a network gets beside its own.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let mut variables = self.registries.pip.variables();
        variables.push(("NPM_CONFIG_USERCONFIG".to_owned(), NPMRC.to_owned()));
        variables.extend(self.registries.npm.variables());
        variables.extend(self.registries.go.variables());
        variables.push(("NETRC".to_owned(), NETRC.to_owned()));
        if self.ca_bundle.is_some() {
            variables.extend(CA_VARIABLES.map(|name| (name.to_owned(), CA_BUNDLE.to_owned())));
        }
        for (name, value) in &self.proxies {
            variables.push((name.clone(), value.clone()));
            variables.push((name.to_lowercase(), value.clone()));
        }
        variables
    }

    /// Answers what of the host appears in a step with a network.
    pub(crate) fn mounts(&self) -> Option<Bind> {
        let source = self.ca_bundle.clone()?;
        Some(Bind {
            source,
            target: CA_BUNDLE.into(),
            read_only: true,
        })
    }

    /// Answers the files that a step with a network finds.
    pub(crate) fn files(&self) -> Vec<PlacedFile> {
        let file = |path: &str, mode, contents: String| PlacedFile {
            path: path.into(),
            mode,
            owner: None,
            contents: contents.into_bytes(),
        };
        vec![
            file(NPMRC, 0o400, self.registries.npm.npmrc()),
            file(NETRC, 0o400, self.registries.go.netrc()),
            file(
                "/etc/hosts",
                0o444,
                "127.0.0.1\tlocalhost\n::1\tlocalhost\n".to_owned(),
            ),
        ]
    }
}
