//! The environment variables that the program reads: each of them is in the table here, and nothing else reads any.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use super::SettingsError;

/// An environment variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Variable {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it says, for `--help`; empty for those that every program of the system reads.
    pub(crate) meaning: &'static str,
}

macro_rules! variables {
    ($($constant:ident = $name:literal, $meaning:literal;)+) => {
        /// The table.
        pub(crate) mod variables {
            use super::Variable;
            $(
                #[doc = concat!("`", $name, "`")]
                pub(crate) const $constant: Variable = Variable { name: $name, meaning: $meaning };
            )+
            /// Each variable.
            pub(crate) const ALL: &[Variable] = &[$($constant),+];
        }
    };
}

variables! {
    DATA = "CORACLE_DATA", "Where images, caches and the server's state live";
    SERVER = "CORACLE_SERVER", "The server to talk to: `https://HOST:PORT`, `http://HOST:PORT` or `unix:PATH`";
    PASSWORD = "CORACLE_PASSWORD", "The administrator's password at CORACLE_SERVER";
    TLS_CERT = "CORACLE_TLS_CERT", "The certificate that `serve` shows, and those above it, in PEM";
    TLS_KEY = "CORACLE_TLS_KEY", "The private key of that certificate, in PEM";
    CACHE_LIMIT = "CORACLE_CACHE_LIMIT", "The most that what nothing uses may take on the disk: `20Gi`, `10%` of the file system, or `none` [default: 10%, at least 5Gi]";
    CACHE_AGE = "CORACLE_CACHE_AGE", "How long what nothing uses is kept at most: `30d`, `12h`, or `none` [default: 60d]";
    BUILD_MEMORY = "CORACLE_BUILD_MEMORY", "The most memory of one build step, such as `2Gi` [default: 80 % of the machine's]";
    BUILD_DISK = "CORACLE_BUILD_DISK", "The most that one build step may write, such as `20Gi` [default: 10Gi]";
    LOG = "CORACLE_LOG", "Which of the program's own log lines to show, such as `debug` or `coracle_gateway=trace`";
    DEBIAN_MIRROR = "CORACLE_DEBIAN_MIRROR", "The Debian mirror for base images [default: what APT uses here, else deb.debian.org]";
    CA_BUNDLE = "SSL_CERT_FILE", "The certificate authorities to trust, in PEM; build steps trust them too";
    HTTP_PROXY = "HTTP_PROXY", "The proxy for `http://`, also for build steps";
    HTTP_PROXY_LOWER = "http_proxy", "";
    HTTPS_PROXY = "HTTPS_PROXY", "The proxy for `https://`, also for build steps";
    HTTPS_PROXY_LOWER = "https_proxy", "";
    NO_PROXY = "NO_PROXY", "Hosts that are reached without a proxy, separated by commas";
    NO_PROXY_LOWER = "no_proxy", "";
    PIP_INDEX = "PIP_INDEX_URL", "Python's package index [default: what `pip.conf` says, else pypi.org]";
    PIP_EXTRA_INDEX = "PIP_EXTRA_INDEX_URL", "More package indexes of Python";
    PIP_TRUSTED_HOST = "PIP_TRUSTED_HOST", "Python's package indexes that need no valid certificate";
    PIP_CONFIG = "PIP_CONFIG_FILE", "";
    NPM_REGISTRY = "NPM_CONFIG_REGISTRY", "Node's package registry [default: what `.npmrc` says, else registry.npmjs.org]";
    NPM_REGISTRY_LOWER = "npm_config_registry", "";
    NPM_USERCONFIG = "NPM_CONFIG_USERCONFIG", "";
    GO_PROXY = "GOPROXY", "Go's module proxies [default: what `go env -w` set, else proxy.golang.org]";
    GO_PRIVATE = "GOPRIVATE", "";
    GO_NO_PROXY = "GONOPROXY", "";
    GO_NO_SUMDB = "GONOSUMDB", "";
    GO_SUMDB = "GOSUMDB", "";
    GO_INSECURE = "GOINSECURE", "";
    GO_ENV = "GOENV", "";
    NETRC = "NETRC", "";
    NO_COLOR = "NO_COLOR", "Any value: no colours and no live progress";
    TERM = "TERM", "";
    HOME = "HOME", "";
    XDG_DATA_HOME = "XDG_DATA_HOME", "";
    XDG_CONFIG_HOME = "XDG_CONFIG_HOME", "";
}

/// The environment. An empty value counts as none.
#[derive(Debug, Default)]
pub(crate) struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// Takes the process's environment.
    pub(crate) fn of_process() -> Self {
        Self(
            std::env::vars_os()
                .filter(|(_, value)| !value.is_empty())
                .collect(),
        )
    }

    /// Makes an environment, for tests.
    #[cfg(test)]
    pub(crate) fn of(variables: &[(&str, &str)]) -> Self {
        let set = variables.iter().filter(|(_, value)| !value.is_empty());
        Self(set.map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// Answers whether a variable has a value.
    pub(crate) fn is_set(&self, variable: Variable) -> bool {
        self.get(variable).is_some()
    }

    /// Answers a variable's value as text.
    pub(crate) fn text(&self, variable: Variable) -> Result<Option<String>, SettingsError> {
        let text = |value: &OsString| value.to_str().map(str::to_owned);
        self.get(variable)
            .map(|value| text(value).ok_or(SettingsError::NotText(variable.name)))
            .transpose()
    }

    /// Answers the value of the first variable that has one, as text. For those that are written in both cases.
    pub(crate) fn first(&self, variables: [Variable; 2]) -> Result<Option<String>, SettingsError> {
        let [one, other] = variables;
        Ok(self.text(one)?.or(self.text(other)?))
    }

    /// Answers a variable's value as a path.
    pub(crate) fn path(&self, variable: Variable) -> Option<PathBuf> {
        self.get(variable).map(PathBuf::from)
    }

    /// Answers one of the user's directories (XDG base directory specification): what the variable says when that is
    /// absolute, else `usual` in the home directory.
    pub(crate) fn directory(&self, variable: Variable, usual: &str) -> Option<PathBuf> {
        self.path(variable)
            .filter(|path| path.is_absolute())
            .or_else(|| Some(self.path(variables::HOME)?.join(usual)))
    }

    /// Answers the value of a variable that the user's own files name, as `.npmrc` may.
    pub(crate) fn named_by_user(&self, name: &str) -> Option<String> {
        self.0.get(OsStr::new(name))?.to_str().map(str::to_owned)
    }

    fn get(&self, variable: Variable) -> Option<&OsString> {
        self.0.get(OsStr::new(variable.name))
    }
}
