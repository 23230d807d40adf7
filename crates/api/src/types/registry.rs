//! Credentials for image registries: names go out, passwords only in.

use std::fmt;

use coracle_spec::{RegistryHost, RegistryName};
use serde::{Deserialize, Serialize};

/// One row of `GET /api/v1/registries`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryView {
    /// What manifests call it.
    pub name: RegistryName,
    /// The registry.
    pub host: RegistryHost,
    /// The user's name there.
    pub username: String,
    /// When it was set last: seconds since 1970-01-01 UTC.
    pub updated_at: u64,
}

/// Who to be at a registry: the body of `PUT /api/v1/registries/{name}`. Its debug form has no password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryLogin {
    /// The registry.
    pub host: RegistryHost,
    /// The user's name there.
    pub username: String,
    /// The password, or what the registry takes for one.
    pub password: String,
}

impl fmt::Debug for RegistryLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryLogin")
            .field("host", &self.host)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_does_not_print() {
        let text = r#"{"host": "a.example", "username": "ada", "password": "hunter2"}"#;
        let login: RegistryLogin = serde_json::from_str(text).unwrap();
        assert!(!format!("{login:?}").contains("hunter2"));
    }
}
