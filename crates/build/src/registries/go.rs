//! Where Go's modules come from: Go's own variables (`go help environment`), its file of settings (`go env -w`), and
//! `.netrc` (`go help goauth`).

use std::collections::BTreeMap;
use std::fmt;

use crate::carrier::Database;

/// The public proxy.
const DEFAULT_PROXY: &str = "https://proxy.golang.org";

/// Which proxies Go asks, what it checks, and how it authenticates.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Go {
    settings: BTreeMap<&'static str, String>,
    /// The whole `.netrc`, of which sandboxes get what belongs to the hosts that modules come from.
    logins: Vec<Login>,
}

#[derive(Clone, PartialEq, Eq)]
struct Login {
    machine: String,
    /// The rest of the entry, as words.
    words: Vec<String>,
}

impl Go {
    /// What is carried; caches, flags and versions of the host's Go mean nothing in a sandbox.
    pub const SETTINGS: [&'static str; 6] = [
        "GOINSECURE",
        "GONOPROXY",
        "GONOSUMDB",
        "GOPRIVATE",
        "GOPROXY",
        "GOSUMDB",
    ];

    /// Reads the file that `go env -w` writes.
    pub fn from_file(text: &str) -> Self {
        let pairs = text.lines().filter_map(|line| line.trim().split_once('='));
        Self::from_variables(|name| {
            let found = pairs.clone().rfind(|(own, _)| *own == name);
            found.map(|(_, value)| value.to_owned())
        })
    }

    /// Takes what `value` answers for the names of [`Go::SETTINGS`].
    pub fn from_variables(value: impl Fn(&str) -> Option<String>) -> Self {
        let settings = Self::SETTINGS.into_iter().filter_map(|name| {
            let value = value(name)?.trim().to_owned();
            (!value.is_empty()).then_some((name, value))
        });
        Self {
            settings: settings.collect(),
            logins: Vec::new(),
        }
    }

    /// Adds the logins of a `.netrc` (inetutils manual, "The .netrc file"). Its macros and its default entry are left
    /// out.
    #[must_use]
    pub fn with_netrc(mut self, text: &str) -> Self {
        let mut words = text.split_whitespace().map(str::to_owned);
        while let Some(word) = words.next() {
            match word.as_str() {
                "machine" => self.logins.extend(words.next().map(|machine| Login {
                    machine,
                    words: Vec::new(),
                })),
                "login" | "password" | "account" => {
                    if let (Some(login), Some(value)) = (self.logins.last_mut(), words.next()) {
                        login.words.extend([word, value]);
                    }
                }
                "default" | "macdef" => break,
                _ => {}
            }
        }
        self
    }

    /// Lets what `over` says win over what is here.
    #[must_use]
    pub fn overridden_by(mut self, over: Self) -> Self {
        self.settings.extend(over.settings);
        self.logins.extend(over.logins);
        self
    }

    /// Answers the address of the first proxy that is asked over the network, without a slash at its end. Where there
    /// is none the public one has the toolchains, which are in nobody's repository.
    pub fn proxy(&self) -> &str {
        let proxies = self.proxies().find(|proxy| proxy.starts_with("http"));
        proxies.unwrap_or(DEFAULT_PROXY).trim_end_matches('/')
    }

    /// Answers the database that a public module is checked against; nothing when it is not to be checked.
    pub(crate) fn database(&self, module: &str) -> Option<Database> {
        let exempt = self.setting("GONOSUMDB").or(self.setting("GOPRIVATE"));
        let is_exempt = exempt.is_some_and(|patterns| patterns.split(',').any(|one| matches(one, module)));
        let name = self.setting("GOSUMDB").unwrap_or_default();
        if is_exempt || name == "off" {
            return None;
        }
        // One that makes no sense is Go's to complain about; until then nothing is trusted without a check.
        Some(Database::parse(name).unwrap_or_else(Database::public))
    }

    /// Answers the variables that tell Go in a sandbox the same.
    pub fn variables(&self) -> Vec<(String, String)> {
        let settings = self.settings.iter();
        settings
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect()
    }

    /// Answers the `.netrc` for the hosts that modules come from.
    pub fn netrc(&self) -> String {
        let wanted = self.logins.iter().filter(|login| self.asks(&login.machine));
        let lines: Vec<String> = wanted
            .map(|login| format!("machine {} {}\n", login.machine, login.words.join(" ")))
            .collect();
        lines.concat()
    }

    fn asks(&self, machine: &str) -> bool {
        let host = |proxy: &str| {
            let authority = proxy.split_once("://").map_or(proxy, |(_, rest)| rest);
            let authority = authority.split('/').next().unwrap_or_default();
            let host = authority.rsplit('@').next().unwrap_or_default();
            host.split(':').next() == Some(machine)
        };
        let own = ["GOPRIVATE", "GONOPROXY"].into_iter();
        let patterns = own
            .filter_map(|name| self.setting(name))
            .flat_map(|patterns| patterns.split(','));
        self.proxies().any(host)
            || patterns
                .filter_map(|pattern| pattern.split('/').next())
                .any(|pattern| matches(pattern, machine))
    }

    fn proxies(&self) -> impl Iterator<Item = &str> {
        let list = self.setting("GOPROXY").unwrap_or_default();
        list.split([',', '|']).map(str::trim)
    }

    fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }
}

/// Shows no credentials; addresses of proxies may hold some.
impl fmt::Debug for Go {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Go")
            .field("settings", &self.settings.keys())
            .field("logins", &self.logins.len())
            .finish()
    }
}

/// Answers whether a pattern matches a path or a folder that it is in (`go help private`).
fn matches(pattern: &str, path: &str) -> bool {
    let pattern = pattern.trim();
    let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
    let glob = globset::GlobBuilder::new(pattern).literal_separator(true).build();
    let glob = glob.ok().filter(|_| !pattern.is_empty());
    glob.is_some_and(|glob| {
        let glob = glob.compile_matcher();
        folders.chain([path]).any(|part| glob.is_match(part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn go(text: &str) -> Go {
        Go::from_file(text)
    }

    #[test]
    fn only_what_names_a_source_of_modules_is_carried() {
        let go = go(
            "GOFLAGS=-mod=mod\nGOPROXY=https://a.example/go/,direct\nGOTOOLCHAIN=auto\nGOPRIVATE=*.corp.example\n",
        );
        assert_eq!(
            go.variables(),
            [
                ("GOPRIVATE", "*.corp.example"),
                ("GOPROXY", "https://a.example/go/,direct")
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert_eq!(go.proxy(), "https://a.example/go");
    }

    #[test]
    fn toolchains_come_from_the_first_proxy_on_the_network_else_from_the_public_one() {
        for (proxies, address) in [
            ("", "https://proxy.golang.org"),
            ("off", "https://proxy.golang.org"),
            ("direct", "https://proxy.golang.org"),
            ("file:///cache|http://b.example", "http://b.example"),
        ] {
            assert_eq!(go(&format!("GOPROXY={proxies}")).proxy(), address, "{proxies}");
        }
    }

    #[test]
    fn modules_are_checked_unless_the_host_says_not_to() {
        for (settings, is_checked) in [
            ("", true),
            ("GOPRIVATE=example.com", true),
            ("GOSUMDB=off", false),
            ("GOSUMDB=nonsense", true),
            ("GOPRIVATE=golang.org", false),
            ("GONOSUMDB=*.example,golang.org/x,golang.org/tool*", false),
            ("GOPRIVATE=golang.org\nGONOSUMDB=none.example", true),
        ] {
            assert_eq!(
                go(settings).database("golang.org/toolchain").is_some(),
                is_checked,
                "{settings}"
            );
        }
    }

    #[test]
    fn logins_are_carried_for_the_hosts_that_modules_come_from_and_never_shown() {
        let netrc = "machine git.corp.example login me password sesame\nmachine proxy.example\n  login you\n  password x\n\
                     machine mail.example login me password secret\ndefault login anybody password y\n";
        let go =
            go("GOPROXY=https://proxy.example:8443/go\nGOPRIVATE=*.corp.example/team\n").with_netrc(netrc);
        assert_eq!(
            go.netrc(),
            "machine git.corp.example login me password sesame\nmachine proxy.example login you password x\n"
        );
        assert!(!format!("{go:?}").contains("sesame"));
        assert_eq!(Go::default().with_netrc(netrc).netrc(), "");
    }

    #[test]
    fn variables_win_over_the_file() {
        let over = Go::from_variables(|name| (name == "GOPROXY").then(|| "https://b.example".to_owned()));
        let both = go("GOPROXY=https://a.example\nGOSUMDB=off\n").overridden_by(over);
        assert_eq!(both.proxy(), "https://b.example");
        assert_eq!(both.database("golang.org/toolchain"), None);
    }
}
