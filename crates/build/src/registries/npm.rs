//! Node's package registry, from `.npmrc` (npm documentation, "npmrc") or the `npm_config_*` variables.

use std::fmt;

/// The public registry.
const DEFAULT_REGISTRY: &str = "https://registry.npmjs.org";

/// Which registries npm asks and how it authenticates there.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Npm {
    registry: Option<String>,
    /// Lines of an `.npmrc` that hold scopes' registries and credentials.
    lines: Vec<String>,
}

impl Npm {
    /// Reads an `.npmrc`, keeping only registries and credentials.
    ///
    /// `${NAME}` in a value is replaced by what `variable` answers for the name, as npm does; a line with a
    /// variable that is not set is left out.
    pub fn from_npmrc(text: &str, variable: impl Fn(&str) -> Option<String>) -> Self {
        let mut npm = Self::default();
        for line in text
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with(['#', ';']))
        {
            let Some((key, value)) = line.split_once('=') else {
                continue;
            };
            let Some(value) = expand(value.trim(), &variable) else {
                continue;
            };
            match key.trim() {
                "registry" => npm.registry = Some(value),
                key if is_carried(key) => npm.lines.push(format!("{key}={value}")),
                _ => {}
            }
        }
        npm
    }

    /// Takes the value of `npm_config_registry`.
    pub fn from_variable(registry: Option<&str>) -> Self {
        Self {
            registry: registry.filter(|text| !text.is_empty()).map(str::to_owned),
            lines: Vec::new(),
        }
    }

    /// Lets what `over` says win over what is here.
    #[must_use]
    pub fn overridden_by(mut self, over: Self) -> Self {
        self.registry = over.registry.or(self.registry);
        self.lines.extend(over.lines);
        self
    }

    /// Answers the address of the registry, without a slash at its end.
    pub fn registry(&self) -> &str {
        self.registry
            .as_deref()
            .unwrap_or(DEFAULT_REGISTRY)
            .trim_end_matches('/')
    }

    /// Answers the variables that tell Yarn the same, of which the later ones read no `.npmrc` (Yarn's documentation,
    /// "Configuration"). Without a registry of the host's, Yarn asks its own.
    pub fn variables(&self) -> Vec<(String, String)> {
        let registry = self.registry.iter().map(|_| self.registry().to_owned());
        registry
            .map(|registry| ("YARN_NPM_REGISTRY_SERVER".to_owned(), registry))
            .collect()
    }

    /// Answers the `.npmrc` that tells npm in a sandbox the same.
    pub fn npmrc(&self) -> String {
        let registry = self
            .registry
            .iter()
            .map(|registry| format!("registry={registry}"));
        registry
            .chain(self.lines.iter().cloned())
            .map(|line| line + "\n")
            .collect()
    }
}

/// Shows no credentials.
impl fmt::Debug for Npm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Npm")
            .field("registry", &self.registry)
            .field("lines", &self.lines.len())
            .finish()
    }
}

/// Scopes' registries (`@scope:registry`), and per-registry credentials (`//host/:_authToken`).
fn is_carried(key: &str) -> bool {
    let credentials = [":_authToken", ":_auth", ":_password", ":username", ":email"];
    (key.starts_with('@') && key.ends_with(":registry"))
        || (key.starts_with("//") && credentials.iter().any(|suffix| key.ends_with(suffix)))
}

fn expand(value: &str, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let Some((before, rest)) = value.split_once("${") else {
        return Some(value.to_owned());
    };
    let (name, after) = rest.split_once('}')?;
    let replaced = variable(name)?;
    Some(format!("{before}{replaced}{}", expand(after, variable)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NPMRC: &str = "fund=false\nnodedir=/usr\nregistry=https://npm.example/\n@team:registry=https://team.example/\n\
        //team.example/:_authToken=${TOKEN}\n//other.example/:_authToken=${MISSING}\ncafile=/host.pem\n";

    #[test]
    fn registries_and_credentials_are_carried_and_nothing_else() {
        let npm = Npm::from_npmrc(NPMRC, |name| (name == "TOKEN").then(|| "secret".to_owned()));
        assert_eq!(npm.registry(), "https://npm.example");
        assert_eq!(
            npm.npmrc(),
            "registry=https://npm.example/\n@team:registry=https://team.example/\n//team.example/:_authToken=secret\n"
        );
        let variables = [(
            "YARN_NPM_REGISTRY_SERVER".to_owned(),
            "https://npm.example".to_owned(),
        )];
        assert_eq!(npm.variables(), variables);
        assert!(Npm::default().variables().is_empty());
    }

    #[test]
    fn credentials_are_not_shown() {
        let npm = Npm::from_npmrc(NPMRC, |_| Some("secret".to_owned()));
        assert!(!format!("{npm:?}").contains("secret"));
    }
}
