//! Programs that keep credentials: `docker-credential-NAME get`, the registry on its stdin, JSON on its stdout
//! (the protocol of `docker-credential-helpers`).

use std::process::{Output, Stdio};
use std::time::Duration;

use serde::Deserialize;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use super::secret::Secret;
use super::{Credential, CredentialError};

/// How long one may take: it may have to ask its user.
const PATIENCE: Duration = Duration::from_secs(30);

/// The user name that says that the secret is an identity token.
const TOKEN: &str = "<token>";

/// What one says that knows nothing of a registry.
const UNKNOWN: &str = "credentials not found";

/// A program that keeps credentials.
pub(super) struct Helper {
    program: String,
    patience: Duration,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: Secret,
}

impl Helper {
    /// Answers the helper that Docker's configuration calls `name`.
    pub(super) fn named(name: &str) -> Self {
        Self {
            program: format!("docker-credential-{name}"),
            patience: PATIENCE,
        }
    }

    /// Asks for the credentials of `server`.
    pub(super) async fn get(&self, server: &str) -> Result<Option<Credential>, CredentialError> {
        let asked = timeout(self.patience, self.ask(server)).await;
        let output = asked.map_err(|_| self.trouble("does not answer"))??;
        let said = String::from_utf8_lossy(&output.stdout);
        if output.status.success() {
            return self.read(&output.stdout).map(Some);
        }
        if said.to_lowercase().contains(UNKNOWN) {
            return Ok(None);
        }
        Err(self.trouble(&format!("failed with {}", output.status)))
    }

    async fn ask(&self, server: &str) -> Result<Output, CredentialError> {
        let failed = |source| CredentialError::Run {
            program: self.program.clone(),
            source,
        };
        let mut child = Command::new(&self.program)
            .arg("get")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that does not read it says so by what it answers.
            let _ = stdin.write_all(server.as_bytes()).await;
        }
        child.wait_with_output().await.map_err(failed)
    }

    fn read(&self, stdout: &[u8]) -> Result<Credential, CredentialError> {
        let answer: Answer =
            serde_json::from_slice(stdout).map_err(|_| self.trouble("answers with something else"))?;
        Ok(match answer.username.as_str() {
            TOKEN => Credential::Identity(answer.secret),
            _ => Credential::Basic {
                user: answer.username,
                password: answer.secret,
            },
        })
    }

    fn trouble(&self, trouble: &str) -> CredentialError {
        CredentialError::Helper {
            program: self.program.clone(),
            trouble: trouble.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn helper(folder: &Path, script: &str) -> Helper {
        let program = folder.join("docker-credential-test");
        // Not by this process: a file that it writes cannot be executed while a child forked meanwhile holds it open.
        let written = std::process::Command::new("/bin/sh")
            .args([
                "-c",
                r#"printf '#!/bin/sh\n%s\n' "$2" > "$1" && chmod 755 "$1""#,
                "write",
            ])
            .args([program.as_os_str(), script.as_ref()])
            .status();
        assert!(written.unwrap().success());
        Helper {
            program: program.to_str().unwrap().to_owned(),
            patience: PATIENCE,
        }
    }

    #[tokio::test]
    async fn a_helper_is_told_the_registry_and_answers_with_a_name_or_a_token() {
        let folder = tempfile::tempdir().unwrap();
        let script =
            r#"read server; printf '{"ServerURL":"%s","Username":"at-%s","Secret":"s"}' "$server" "$server""#;
        let found = helper(folder.path(), script).get("a.example").await.unwrap();
        assert_eq!(found, Some(Credential::basic("at-a.example", "s")));
        let script = r#"echo '{"ServerURL":"","Username":"<token>","Secret":"t"}'"#;
        let found = helper(folder.path(), script).get("a.example").await.unwrap();
        assert_eq!(found, Some(Credential::Identity(Secret::new("t"))));
    }

    #[tokio::test]
    async fn a_helper_that_knows_nothing_is_told_from_one_that_fails_or_hangs() {
        let folder = tempfile::tempdir().unwrap();
        let script = "echo 'credentials not found in native keychain'; exit 1";
        assert_eq!(
            helper(folder.path(), script).get("a.example").await.unwrap(),
            None
        );
        for script in ["echo 'locked: sesame'; exit 1", "echo sesame"] {
            let error = helper(folder.path(), script).get("a.example").await.unwrap_err();
            assert!(!format!("{error} {error:?}").contains("sesame"), "{error:?}");
        }
        let hanging = Helper {
            patience: Duration::from_millis(50),
            ..helper(folder.path(), "sleep 600")
        };
        let error = hanging.get("a.example").await.unwrap_err();
        assert!(matches!(error, CredentialError::Helper { .. }), "{error:?}");
        let missing = Helper::named("not-there").get("a.example").await.unwrap_err();
        assert!(matches!(missing, CredentialError::Run { .. }));
    }
}
