//! The environment variables that the program reads: each of them is in the table here, and nothing else reads any.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::str::FromStr;

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
    REGISTRY_MIRRORS = "CORACLE_REGISTRY_MIRRORS", "Where images are looked for first: `docker.io=https://MIRROR`, more with commas between; `*` for every registry";
    INSECURE_REGISTRIES = "CORACLE_INSECURE_REGISTRIES", "Image registries that may speak plain HTTP, separated by commas; those on this machine may anyway";
    REGISTRY_CA = "CORACLE_REGISTRY_CA", "Certificate authorities of image registries, in PEM, beside those that are trusted anyway";
    DOCKER_CONFIG = "DOCKER_CONFIG", "The folder of Docker's `config.json`, whose logins to registries are used too [default: ~/.docker]";
    DOCKER_HOST = "DOCKER_HOST", "The Docker Engine that `--output docker` loads into [default: unix:///var/run/docker.sock]";
    ROLE = "CORACLE_ROLE", "What `serve` does: `all` or `builder`";
    PAYLOAD_SECRET = "CORACLE_PAYLOAD_SECRET", "The file with the secret that bodies for the Function Builder API are signed with; for `serve`, several as `[TENANT=]FILE` with commas between";
    REGISTRY_CONFIG = "CORACLE_REGISTRY_CONFIG", "Docker `config.json` files with tenants' logins to registries: `[TENANT=]FILE`, with commas between";
    BUILD_SECRETS_KEY = "CORACLE_BUILD_SECRETS_KEY", "The file with the private key that build secrets are sealed for";
    BUILD_SECRETS_KEY_THEIRS = "build_secrets_private_key_path", "";
    MAX_INFLIGHT = "CORACLE_MAX_INFLIGHT", "How many builds of the Function Builder API run at once, 0 for any number [default: 16]";
    MAX_INFLIGHT_THEIRS = "max_inflight", "";
    BUILD_QUEUE = "CORACLE_BUILD_QUEUE", "How many builds of the Function Builder API wait when as many run [default: 0]";
    BUILD_TIMEOUT = "CORACLE_BUILD_TIMEOUT", "How long a build of the Function Builder API may take [default: 30m]";
    REPLAY_WINDOW = "CORACLE_REPLAY_WINDOW", "For how long the Function Builder API does not take the same body again [default: not at all]";
    DISABLE_HMAC = "CORACLE_DISABLE_HMAC", "`true`: the Function Builder API takes everybody's bodies, signed or not";
    DISABLE_HMAC_THEIRS = "disable_hmac", "";
    CA_BUNDLE = "SSL_CERT_FILE", "The certificate authorities to trust, in PEM; build steps trust them too";
    HTTP_PROXY = "HTTP_PROXY", "The proxy for `http://`, also for build steps";
    HTTP_PROXY_LOWER = "http_proxy", "";
    HTTPS_PROXY = "HTTPS_PROXY", "The proxy for `https://`, also for build steps";
    HTTPS_PROXY_LOWER = "https_proxy", "";
    NO_PROXY = "NO_PROXY", "Hosts that are reached without a proxy, separated by commas";
    NO_PROXY_LOWER = "no_proxy", "";
    BUILDKIT_HOST = "BUILDKIT_HOST", "The BuildKit of `--engine buildkit`: `unix://PATH`, `tcp://HOST:PORT` or `docker://` [default: /run/buildkit/buildkitd.sock, else the Docker Engine's]";
    BUILDKIT_CA = "CORACLE_BUILDKIT_CA", "The authorities, in PEM, of a BuildKit's certificate";
    BUILDKIT_CERT = "CORACLE_BUILDKIT_CERT", "Our certificate, in PEM, for a BuildKit that asks for one";
    BUILDKIT_KEY = "CORACLE_BUILDKIT_KEY", "The certificate's key, in PEM";
    DOCKER_TLS_VERIFY = "DOCKER_TLS_VERIFY", "";
    DOCKER_CERT_PATH = "DOCKER_CERT_PATH", "";
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

/// The variables of the program's environment that a build's author may name. Does not appear in its debug form.
#[cfg(all(feature = "engine", target_os = "linux"))]
#[derive(Clone, Default)]
pub(crate) struct Inherited(std::collections::BTreeMap<String, String>);

#[cfg(all(feature = "engine", target_os = "linux"))]
impl Inherited {
    /// Answers a variable's value.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
}

#[cfg(all(feature = "engine", target_os = "linux"))]
impl std::fmt::Debug for Inherited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Inherited({} variables)", self.0.len())
    }
}

impl Environment {
    /// Takes the process's environment.
    pub(crate) fn of_process() -> Self {
        Self(
            std::env::vars_os()
                .filter(|(_, value)| !value.is_empty())
                .collect(),
        )
    }

    /// Answers all variables that are text, for builds whose author names some of them.
    #[cfg(all(feature = "engine", target_os = "linux"))]
    pub(crate) fn inherited(&self) -> Inherited {
        let text = |(name, value): (&OsString, &OsString)| {
            Some((name.to_str()?.to_owned(), value.to_str()?.to_owned()))
        };
        Inherited(self.0.iter().filter_map(text).collect())
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

    /// Answers a variable's value as what its text stands for.
    pub(crate) fn parsed<T>(&self, variable: Variable) -> Result<Option<T>, SettingsError>
    where
        T: FromStr,
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        let parse = |text: String| {
            text.parse().map_err(|source: T::Err| SettingsError::Value {
                variable: variable.name,
                source: Box::new(source),
            })
        };
        self.text(variable)?.map(parse).transpose()
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
