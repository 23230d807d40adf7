//! What Docker's users have: `config.json` with `auths`, `credsStore` and `credHelpers`
//! (Docker documentation, `docker login`, "Credential stores" and "Credential helpers").

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use super::helper::Helper;
use super::secret::Secret;
use super::{Credential, CredentialError, Credentials, read};

/// What Docker calls its own registry.
const DOCKER_HUB: (&str, &str) = ("docker.io", "https://index.docker.io/v1/");

/// Docker's `config.json`, read anew each time. It need not be there.
#[derive(Debug, Clone)]
pub struct DockerConfig(PathBuf);

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Contents {
    auths: BTreeMap<String, Auth>,
    creds_store: String,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "lowercase")]
struct Auth {
    #[serde(rename = "auth")]
    both: Secret,
    username: String,
    password: Secret,
    identitytoken: Secret,
    registrytoken: Secret,
}

impl DockerConfig {
    /// Takes the file at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
}

#[async_trait]
impl Credentials for DockerConfig {
    async fn for_host(&self, host: &str) -> Result<Option<Credential>, CredentialError> {
        let Some(contents) = read::<Contents>(&self.0)? else {
            return Ok(None);
        };
        let found = match contents.helper(host) {
            Some(helper) => helper.get(key(host)).await?,
            None => None,
        };
        Ok(found.or_else(|| contents.auth(host)?.credential()))
    }
}

impl Contents {
    /// Answers the program that keeps the credentials of `host`, if one does.
    fn helper(&self, host: &str) -> Option<Helper> {
        let own = self.cred_helpers.iter().find(|(named, _)| is_same(named, host));
        let name = own.map_or(&self.creds_store, |(_, name)| name);
        (!name.is_empty()).then(|| Helper::named(name))
    }

    fn auth(&self, host: &str) -> Option<&Auth> {
        let exact = self.auths.get(key(host));
        exact.or_else(|| {
            self.auths
                .iter()
                .find(|(named, _)| is_same(named, host))
                .map(|(_, auth)| auth)
        })
    }
}

/// Answers what Docker stores a registry's credentials under.
fn key(host: &str) -> &str {
    let (hub, key) = DOCKER_HUB;
    if host == hub { key } else { host }
}

/// Answers whether `named`, which may be an address, is the registry `host`.
fn is_same(named: &str, host: &str) -> bool {
    let rest = named.split_once("://").map_or(named, |(_, rest)| rest);
    let named = rest.split('/').next().unwrap_or_default();
    let hub = matches!(named, "index.docker.io" | "registry-1.docker.io");
    named == host || (hub && host == DOCKER_HUB.0)
}

impl Auth {
    fn credential(&self) -> Option<Credential> {
        let given = |secret: &Secret| Some(secret.clone()).filter(|secret| !secret.expose().is_empty());
        if let Some(token) = given(&self.identitytoken) {
            return Some(Credential::Identity(token));
        }
        if let Some(token) = given(&self.registrytoken) {
            return Some(Credential::Bearer(token));
        }
        let (user, password) = match given(&self.both) {
            Some(both) => decode(both.expose())?,
            None => (self.username.clone(), self.password.clone()),
        };
        (!user.is_empty()).then_some(Credential::Basic { user, password })
    }
}

/// Reads `user:password` in base 64.
fn decode(auth: &str) -> Option<(String, Secret)> {
    let bytes = BASE64_STANDARD.decode(auth.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), Secret::new(password.trim_matches('\0'))))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn found(json: &str, host: &str) -> Option<Credential> {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("config.json");
        fs_err::write(&path, json).unwrap();
        DockerConfig::at(path).for_host(host).await.unwrap()
    }

    #[tokio::test]
    async fn entries_are_found_in_each_form_that_docker_has_written() {
        // `ada:open:sesame`, since a password may have colons.
        let auth = r#"{"auth":"YWRhOm9wZW46c2VzYW1l"}"#;
        let ada = Some(Credential::basic("ada", "open:sesame"));
        for (named, host) in [
            ("https://index.docker.io/v1/", "docker.io"),
            ("ghcr.io", "ghcr.io"),
            ("https://ghcr.io", "ghcr.io"),
            ("http://localhost:5000/v2/", "localhost:5000"),
        ] {
            let json = format!(r#"{{"auths":{{"{named}":{auth}}},"HttpHeaders":{{}}}}"#);
            assert_eq!(found(&json, host).await, ada, "{named}");
            assert_eq!(found(&json, "other.example").await, None, "{named}");
        }
    }

    #[tokio::test]
    async fn tokens_names_and_empty_entries_are_told_apart() {
        let with = |entry: &str| format!(r#"{{"auths":{{"a.example":{entry}}}}}"#);
        for (entry, expected) in [
            (
                r#"{"auth":"YTpi","identitytoken":"t"}"#,
                Some(Credential::Identity(Secret::new("t"))),
            ),
            (
                r#"{"registrytoken":"t"}"#,
                Some(Credential::Bearer(Secret::new("t"))),
            ),
            (
                r#"{"username":"ada","password":"s"}"#,
                Some(Credential::basic("ada", "s")),
            ),
            ("{}", None),
            (r#"{"auth":"%%%"}"#, None),
        ] {
            assert_eq!(found(&with(entry), "a.example").await, expected, "{entry}");
        }
    }

    #[tokio::test]
    async fn without_a_file_nobody_is_known() {
        let nowhere = DockerConfig::at("/nowhere/config.json");
        assert_eq!(nowhere.for_host("a.example").await.unwrap(), None);
    }
}
