//! Python's package indexes, from `pip.conf` (pip user guide, "Configuration") or the `PIP_*` variables.

/// The public index.
const DEFAULT_INDEX: &str = "https://pypi.org/simple";

/// Which indexes pip asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pip {
    index: Option<String>,
    extra_indexes: Vec<String>,
    trusted_hosts: Vec<String>,
}

impl Pip {
    /// Reads the sections `[global]` and `[install]` of a configuration file; everything else is left out.
    pub fn from_config(text: &str) -> Self {
        let mut pip = Self::default();
        let (mut section, mut key) = (String::new(), String::new());
        for line in text
            .lines()
            .filter(|line| !line.trim_start().starts_with(['#', ';']))
        {
            if let Some(name) = line
                .trim()
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
            {
                name.clone_into(&mut section);
                key.clear();
            } else if line.starts_with([' ', '\t']) {
                pip.set(&section, &key, line);
            } else if let Some((name, value)) = line.split_once(['=', ':']) {
                key = name.trim().replace('_', "-");
                pip.set(&section, &key, value);
            }
        }
        pip
    }

    /// Lets what `over` says win over what is here.
    #[must_use]
    pub fn overridden_by(mut self, over: Self) -> Self {
        self.index = over.index.or(self.index);
        if !over.extra_indexes.is_empty() {
            self.extra_indexes = over.extra_indexes;
        }
        if !over.trusted_hosts.is_empty() {
            self.trusted_hosts = over.trusted_hosts;
        }
        self
    }

    /// Takes the values of `PIP_INDEX_URL`, `PIP_EXTRA_INDEX_URL` and `PIP_TRUSTED_HOST`.
    pub fn from_variables(index: Option<&str>, extra_indexes: &str, trusted_hosts: &str) -> Self {
        Self {
            index: index.filter(|index| !index.is_empty()).map(str::to_owned),
            extra_indexes: words(extra_indexes),
            trusted_hosts: words(trusted_hosts),
        }
    }

    /// Answers the address of the simple index (PEP 503).
    pub fn index(&self) -> &str {
        self.index.as_deref().unwrap_or(DEFAULT_INDEX)
    }

    /// Answers whether nothing but the public index is asked.
    pub fn is_public(&self) -> bool {
        self.index() == DEFAULT_INDEX
    }

    /// Answers the variables that tell pip, and uv, in a sandbox the same (uv documentation, "Environment variables").
    pub fn variables(&self) -> Vec<(String, String)> {
        let index = self.index.clone().unwrap_or_default();
        let (extra, trusted) = (self.extra_indexes.join(" "), self.trusted_hosts.join(" "));
        [
            ("PIP_INDEX_URL", &index),
            ("PIP_EXTRA_INDEX_URL", &extra),
            ("PIP_TRUSTED_HOST", &trusted),
            ("UV_DEFAULT_INDEX", &index),
            ("UV_EXTRA_INDEX_URL", &extra),
            ("UV_INSECURE_HOST", &trusted),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect()
    }

    fn set(&mut self, section: &str, key: &str, value: &str) {
        if !matches!(section, "global" | "install") {
            return;
        }
        match key {
            "index-url" => self.index = words(value).into_iter().next_back().or(self.index.take()),
            "extra-index-url" => self.extra_indexes.extend(words(value)),
            "trusted-host" => self.trusted_hosts.extend(words(value)),
            _ => {}
        }
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_names_an_index_is_carried_from_a_configuration() {
        let pip = Pip::from_config(
            "# comment\n[global]\ncert = /etc/ssl/host.pem\nindex-url = https://a.example/simple\n\
             extra-index-url =\n    https://b.example/simple\n    https://c.example/simple\n\
             [install]\ntrusted_host: a.example\n[list]\nindex-url = https://never.example\n",
        );
        assert_eq!(
            pip.variables(),
            [
                ("PIP_INDEX_URL", "https://a.example/simple"),
                (
                    "PIP_EXTRA_INDEX_URL",
                    "https://b.example/simple https://c.example/simple"
                ),
                ("PIP_TRUSTED_HOST", "a.example"),
                ("UV_DEFAULT_INDEX", "https://a.example/simple"),
                (
                    "UV_EXTRA_INDEX_URL",
                    "https://b.example/simple https://c.example/simple"
                ),
                ("UV_INSECURE_HOST", "a.example"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn variables_win_over_files_and_nothing_said_is_the_public_index() {
        let file = Pip::from_config("[global]\nindex-url = https://file.example\n");
        let variables = Pip::from_variables(Some("https://variable.example"), "", "");
        assert_eq!(
            file.clone().overridden_by(variables).index(),
            "https://variable.example"
        );
        assert_eq!(file.overridden_by(Pip::default()).index(), "https://file.example");
        assert_eq!(Pip::default().index(), "https://pypi.org/simple");
        assert!(Pip::default().variables().is_empty() && Pip::default().is_public());
    }
}
