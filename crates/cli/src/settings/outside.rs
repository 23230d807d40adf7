//! How to reach the outside world: mirrors, package registries, proxies and certificates.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use coracle_build::{Go, Npm, Pip, Registries};
use coracle_fetch::{FetchConfig, Proxies};

use super::trust::SYSTEM_BUNDLE;
use super::{Environment, SettingsError, variables};

/// How to reach the outside world.
#[derive(Debug, Default)]
pub(crate) struct Outside {
    /// `CORACLE_DEBIAN_MIRROR`.
    pub(crate) debian_mirror: Option<String>,
    /// The host's configuration of APT.
    pub(crate) apt: PathBuf,
    /// The languages' package registries.
    pub(crate) registries: Registries,
    /// `SSL_CERT_FILE`.
    ca_bundle: Option<PathBuf>,
    /// What the distribution trusts.
    system_bundle: Option<PathBuf>,
    http_proxy: Option<String>,
    https_proxy: Option<String>,
    no_proxy: Option<String>,
}

impl Outside {
    /// Reads the environment and the configuration in `etc` and in the user's home.
    pub(super) fn read(environment: &Environment, etc: &Path) -> Result<Self, SettingsError> {
        let system_bundle = etc.join(SYSTEM_BUNDLE);
        Ok(Self {
            debian_mirror: environment.text(variables::DEBIAN_MIRROR)?,
            apt: etc.join("apt"),
            registries: Registries {
                pip: pip(environment, etc)?,
                npm: npm(environment, etc)?,
                go: go(environment)?,
            },
            ca_bundle: environment.path(variables::CA_BUNDLE),
            system_bundle: system_bundle.is_file().then_some(system_bundle),
            http_proxy: environment.first([variables::HTTP_PROXY_LOWER, variables::HTTP_PROXY])?,
            https_proxy: environment.first([variables::HTTPS_PROXY_LOWER, variables::HTTPS_PROXY])?,
            no_proxy: environment.first([variables::NO_PROXY_LOWER, variables::NO_PROXY])?,
        })
    }

    /// Answers how downloads are made.
    pub(crate) fn fetch_config(&self) -> FetchConfig {
        let exempt = self.no_proxy.iter().flat_map(|hosts| hosts.split(','));
        FetchConfig {
            ca_bundle: self.ca_bundle.clone(),
            proxies: Proxies {
                http: self.http_proxy.clone(),
                https: self.https_proxy.clone(),
                exempt: exempt.map(|host| host.trim().to_owned()).collect(),
            },
            ..FetchConfig::default()
        }
    }

    /// Answers the certificate authorities that build steps trust.
    pub(crate) fn step_bundle(&self) -> Option<PathBuf> {
        self.ca_bundle.clone().or_else(|| self.system_bundle.clone())
    }

    /// Answers the certificate authorities that somebody configured.
    pub(crate) fn own_bundle(&self) -> Option<PathBuf> {
        self.ca_bundle.clone()
    }

    /// Answers the addresses of proxies that only this host's loopback reaches.
    pub(crate) fn loopback_proxies(&self) -> Vec<SocketAddr> {
        let proxies = [&self.http_proxy, &self.https_proxy];
        let addresses = proxies
            .into_iter()
            .flatten()
            .filter_map(|proxy| on_loopback(proxy));
        addresses.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Answers the proxy variables that functions get: in both cases, since programs disagree about which counts.
    pub(crate) fn function_variables(&self) -> BTreeMap<String, String> {
        let upper = self.proxy_variables();
        let lower = upper
            .iter()
            .map(|(name, value)| (name.to_lowercase(), value.clone()));
        lower.chain(upper.iter().cloned()).collect()
    }

    /// Answers the proxy variables that build steps get, by their upper-case names.
    pub(crate) fn proxy_variables(&self) -> Vec<(String, String)> {
        [
            (variables::HTTP_PROXY, &self.http_proxy),
            (variables::HTTPS_PROXY, &self.https_proxy),
            (variables::NO_PROXY, &self.no_proxy),
        ]
        .into_iter()
        .filter_map(|(variable, value)| Some((variable.name.to_owned(), value.clone()?)))
        .collect()
    }
}

/// Answers the address of a proxy on this host's loopback; nothing for one elsewhere, which sandboxes reach as it is.
fn on_loopback(proxy: &str) -> Option<SocketAddr> {
    let authority = proxy.split_once("://").map_or(proxy, |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let address = host.replacen("localhost", "127.0.0.1", 1);
    address
        .parse()
        .ok()
        .filter(|address: &SocketAddr| address.ip().is_loopback())
}

/// Reads what pip reads (pip documentation, "Configuration"): the files from the host's to the user's to the one that is
/// named, then the variables.
fn pip(environment: &Environment, etc: &Path) -> Result<Pip, SettingsError> {
    let files = [
        Some(etc.join("pip.conf")),
        environment
            .directory(variables::HOME, "")
            .map(|home| home.join(".pip/pip.conf")),
        environment
            .directory(variables::XDG_CONFIG_HOME, ".config")
            .map(|config| config.join("pip/pip.conf")),
        environment.path(variables::PIP_CONFIG),
    ];
    let mut pip = Pip::default();
    for file in files.into_iter().flatten() {
        if let Some(text) = text(&file)? {
            pip = pip.overridden_by(Pip::from_config(&text));
        }
    }
    Ok(pip.overridden_by(Pip::from_variables(
        environment.text(variables::PIP_INDEX)?.as_deref(),
        &environment.text(variables::PIP_EXTRA_INDEX)?.unwrap_or_default(),
        &environment.text(variables::PIP_TRUSTED_HOST)?.unwrap_or_default(),
    )))
}

/// Reads what npm reads (npm documentation, "npmrc"): the host's file, the user's, then the variable.
fn npm(environment: &Environment, etc: &Path) -> Result<Npm, SettingsError> {
    let users = environment
        .path(variables::NPM_USERCONFIG)
        .or_else(|| Some(environment.path(variables::HOME)?.join(".npmrc")));
    let mut npm = Npm::default();
    for file in [Some(etc.join("npmrc")), users].into_iter().flatten() {
        if let Some(text) = text(&file)? {
            npm = npm.overridden_by(Npm::from_npmrc(&text, |name| environment.named_by_user(name)));
        }
    }
    let registry = environment.first([variables::NPM_REGISTRY_LOWER, variables::NPM_REGISTRY])?;
    Ok(npm.overridden_by(Npm::from_variable(registry.as_deref())))
}

/// Reads what Go reads (`go help environment`): the file that `go env -w` writes, then the variables, and `.netrc`.
fn go(environment: &Environment) -> Result<Go, SettingsError> {
    let file = match environment.path(variables::GO_ENV) {
        Some(off) if off.as_os_str() == "off" => None,
        Some(file) => Some(file),
        None => environment
            .directory(variables::XDG_CONFIG_HOME, ".config")
            .map(|config| config.join("go/env")),
    };
    let netrc = environment
        .path(variables::NETRC)
        .or_else(|| Some(environment.path(variables::HOME)?.join(".netrc")));
    let read = |file: Option<PathBuf>| Ok(file.map(|file| text(&file)).transpose()?.flatten());
    let mut values = BTreeMap::new();
    for variable in [
        variables::GO_INSECURE,
        variables::GO_NO_PROXY,
        variables::GO_NO_SUMDB,
        variables::GO_PRIVATE,
        variables::GO_PROXY,
        variables::GO_SUMDB,
    ] {
        values.extend(environment.text(variable)?.map(|value| (variable.name, value)));
    }
    let go = Go::from_file(&read(file)?.unwrap_or_default())
        .overridden_by(Go::from_variables(|name| values.get(name).cloned()));
    Ok(go.with_netrc(&read(netrc)?.unwrap_or_default()))
}

/// Answers a file's text, or nothing when there is none. What is not UTF-8 is replaced: it names no registry.
fn text(file: &Path) -> Result<Option<String>, SettingsError> {
    match fs_err::read(file) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(SettingsError::Configuration(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outside(variables: &[(&str, &str)], etc: &Path) -> Outside {
        Outside::read(&Environment::of(variables), etc).unwrap()
    }

    #[test]
    fn the_users_index_wins_over_the_hosts_and_the_variable_over_both() {
        let root = tempfile::tempdir().unwrap();
        let (etc, home) = (root.path().join("etc"), root.path().join("home"));
        fs_err::create_dir_all(home.join(".config/pip")).unwrap();
        fs_err::create_dir_all(&etc).unwrap();
        let index = |extra: &[(&str, &str)]| {
            let variables = [&[("HOME", home.to_str().unwrap())], extra].concat();
            outside(&variables, &etc).registries.pip.index().to_owned()
        };
        assert_eq!(index(&[]), "https://pypi.org/simple");
        fs_err::write(
            etc.join("pip.conf"),
            "[global]\nindex-url = https://host.example\n",
        )
        .unwrap();
        assert_eq!(index(&[]), "https://host.example");
        fs_err::write(
            home.join(".config/pip/pip.conf"),
            "[global]\nindex-url = https://user.example\n",
        )
        .unwrap();
        assert_eq!(index(&[]), "https://user.example");
        assert_eq!(
            index(&[("PIP_INDEX_URL", "https://variable.example")]),
            "https://variable.example"
        );
    }

    #[test]
    fn npm_takes_its_registry_from_the_users_file_and_expands_what_that_names() {
        let home = tempfile::tempdir().unwrap();
        let lines = "registry=https://npm.example/\n//npm.example/:_authToken=${TOKEN}\n";
        fs_err::write(home.path().join(".npmrc"), lines).unwrap();
        let variables = [("HOME", home.path().to_str().unwrap()), ("TOKEN", "sesame")];
        let npm = outside(&variables, home.path()).registries.npm;
        assert_eq!(npm.registry(), "https://npm.example");
        assert!(npm.npmrc().contains("sesame"));
    }

    #[test]
    fn go_takes_its_proxy_from_its_file_then_the_variable_and_logins_from_the_users_file() {
        let home = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(home.path().join(".config/go")).unwrap();
        fs_err::write(
            home.path().join(".config/go/env"),
            "GOPROXY=https://file.example\nGOFLAGS=-mod=mod\n",
        )
        .unwrap();
        fs_err::write(
            home.path().join(".netrc"),
            "machine file.example login me password sesame\n",
        )
        .unwrap();
        let go = |extra: &[(&str, &str)]| {
            let variables = [&[("HOME", home.path().to_str().unwrap())], extra].concat();
            outside(&variables, home.path()).registries.go
        };
        assert_eq!(go(&[]).proxy(), "https://file.example");
        assert_eq!(
            go(&[("GOPROXY", "https://b.example")]).proxy(),
            "https://b.example"
        );
        assert_eq!(go(&[("GOENV", "off")]).proxy(), "https://proxy.golang.org");
        assert!(go(&[]).netrc().contains("sesame"));
    }

    #[test]
    fn proxies_are_read_in_both_cases_and_passed_on_in_upper_case() {
        let variables = [
            ("http_proxy", "http://p:1"),
            ("HTTPS_PROXY", "http://p:2"),
            ("NO_PROXY", "a.example, b"),
        ];
        let outside = outside(&variables, Path::new("/nowhere"));
        assert_eq!(outside.fetch_config().proxies.exempt, ["a.example", "b"]);
        let passed = outside.proxy_variables();
        let names: Vec<&str> = passed.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]);
        assert_eq!(outside.function_variables()["no_proxy"], "a.example, b");
    }

    #[test]
    fn only_proxies_on_the_hosts_own_loopback_are_brought_inside() {
        let inside =
            |proxy: &str| outside(&[("https_proxy", proxy)], Path::new("/nowhere")).loopback_proxies();
        for proxy in [
            "http://127.0.0.1:3128",
            "http://me:secret@localhost:3128/",
            "127.0.0.1:3128",
        ] {
            assert_eq!(inside(proxy), ["127.0.0.1:3128".parse().unwrap()], "{proxy}");
        }
        for proxy in [
            "http://proxy.example:3128",
            "http://192.0.2.1:3128",
            "http://localhost",
        ] {
            assert!(inside(proxy).is_empty(), "{proxy}");
        }
    }

    #[test]
    fn build_steps_trust_the_bundle_that_is_set_else_the_systems_else_none() {
        let etc = tempfile::tempdir().unwrap();
        assert_eq!(outside(&[], etc.path()).step_bundle(), None);
        let system = etc.path().join(SYSTEM_BUNDLE);
        fs_err::create_dir_all(system.parent().unwrap()).unwrap();
        fs_err::write(&system, "").unwrap();
        assert_eq!(outside(&[], etc.path()).step_bundle(), Some(system));
        let set = outside(&[("SSL_CERT_FILE", "/set.pem")], etc.path());
        assert_eq!(set.step_bundle(), Some(PathBuf::from("/set.pem")));
        assert_eq!(set.fetch_config().ca_bundle, Some(PathBuf::from("/set.pem")));
    }
}
