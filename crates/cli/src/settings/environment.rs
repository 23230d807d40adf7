//! The environment variables that the program reads: each of them is in the table here, and nothing else reads any.

use std::collections::BTreeMap;
use std::ffi::OsString;
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
                #[doc = $meaning]
                pub(crate) const $constant: Variable = Variable { name: $name, meaning: $meaning };
            )+
            /// Each variable.
            pub(crate) const ALL: &[Variable] = &[$($constant),+];
        }
    };
}

variables! {
    DATA = "CORACLE_DATA", "Where images, caches and the server's state live";
    SERVER = "CORACLE_SERVER", "The server to talk to: `http://HOST:PORT` or `unix:PATH`";
    PASSWORD = "CORACLE_PASSWORD", "The administrator's password at CORACLE_SERVER";
    LOG = "CORACLE_LOG", "Which of the program's own log lines to show, such as `debug` or `coracle_gateway=trace`";
    NO_COLOR = "NO_COLOR", "Any value: no colours and no live progress";
    TERM = "TERM", "";
    HOME = "HOME", "";
    XDG_DATA_HOME = "XDG_DATA_HOME", "";
    XDG_CONFIG_HOME = "XDG_CONFIG_HOME", "";
}

/// The values of the variables of the table. An empty value counts as none.
#[derive(Debug, Default)]
pub(crate) struct Environment(BTreeMap<&'static str, OsString>);

impl Environment {
    /// Reads the process's environment.
    pub(crate) fn of_process() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that reads the environment"
        )]
        let read = |variable: &Variable| Some((variable.name, std::env::var_os(variable.name)?));
        Self(
            variables::ALL
                .iter()
                .filter_map(read)
                .filter(|(_, value)| !value.is_empty())
                .collect(),
        )
    }

    /// Makes an environment, for tests.
    #[cfg(test)]
    pub(crate) fn of(variables: &[(&'static str, &str)]) -> Self {
        let set = variables.iter().filter(|(_, value)| !value.is_empty());
        Self(set.map(|(name, value)| (*name, OsString::from(value))).collect())
    }

    /// Answers whether a variable has a value.
    pub(crate) fn is_set(&self, variable: Variable) -> bool {
        self.0.contains_key(variable.name)
    }

    /// Answers a variable's value as text.
    pub(crate) fn text(&self, variable: Variable) -> Result<Option<String>, SettingsError> {
        let text = |value: &OsString| value.to_str().map(str::to_owned);
        self.0
            .get(variable.name)
            .map(|value| text(value).ok_or(SettingsError::NotText(variable.name)))
            .transpose()
    }

    /// Answers a variable's value as a path.
    pub(crate) fn path(&self, variable: Variable) -> Option<PathBuf> {
        self.0.get(variable.name).map(PathBuf::from)
    }

    /// Answers one of the user's directories (XDG base directory specification): what the variable says when that is
    /// absolute, else `usual` in the home directory.
    pub(crate) fn directory(&self, variable: Variable, usual: &str) -> Option<PathBuf> {
        self.path(variable)
            .filter(|path| path.is_absolute())
            .or_else(|| Some(self.path(variables::HOME)?.join(usual)))
    }
}
