//! `ENV`, `ARG` and `LABEL`.

use std::fmt::Write;
use std::sync::LazyLock;

use coracle_dockerfile::instruction::{Argument, Pair};
use regex::Regex;

use super::super::error::Wrong;
use super::super::graph::Command;
use super::{Stage, keyword};

/// Variables that tell scanners of images what to do, and reach no command.
const FOR_SCANNERS: [&str; 2] = ["BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"];

/// Answers whether a variable tells scanners of images what to do.
pub(super) fn is_for_scanners(name: &str) -> bool {
    FOR_SCANNERS.contains(&name)
}

impl Stage<'_, '_> {
    pub(super) fn env(&mut self, pairs: &[Pair], command: &Command) -> Result<(), Wrong> {
        // All values are those from before the instruction.
        let pairs = self.pairs(pairs, command)?;
        let mut note = "ENV".to_owned();
        for (name, value) in pairs {
            self.no_secret("ENV", &name, command);
            let _ = write!(note, " {name}={value}");
            self.state.set(&name, &value)?;
            self.state.document.config.env.set(name, value);
        }
        self.noted(note, false)?;
        Ok(())
    }

    pub(super) fn label(&mut self, pairs: &[Pair], command: &Command) -> Result<(), Wrong> {
        let pairs = self.pairs(pairs, command)?;
        let mut note = "LABEL".to_owned();
        for (name, value) in pairs {
            let _ = write!(note, " {name}={value}");
            self.state.document.config.labels.insert(name, value);
        }
        self.noted(note, false)?;
        Ok(())
    }

    pub(super) fn arg(&mut self, arguments: &[Argument], command: &Command) -> Result<(), Wrong> {
        let mut note = "ARG".to_owned();
        for argument in arguments {
            self.no_secret("ARG", &argument.name, command);
            let value = self.argument(argument, command)?;
            let shown = value
                .as_ref()
                .map(|value| format!("={value}"))
                .unwrap_or_default();
            let _ = write!(note, " {}{shown}", argument.name);
            if let Some(value) = &value
                && !is_for_scanners(&argument.name)
            {
                self.state.set(&argument.name, value)?;
            }
            self.state.arguments.push((argument.name.clone(), value));
        }
        self.noted(note, false)?;
        Ok(())
    }

    /// Answers a variable's value: what the build says, else its default here, else that from before the first stage.
    fn argument(&mut self, argument: &Argument, command: &Command) -> Result<Option<String>, Wrong> {
        match (self.shared.input.args.get(&argument.name), &argument.default) {
            (Some(given), _) => Ok(Some(given.clone())),
            (None, Some(default)) => self.value(default, command).map(Some),
            (None, None) => Ok(self.shared.globals.get(&argument.name).cloned()),
        }
    }

    fn pairs(&mut self, pairs: &[Pair], command: &Command) -> Result<Vec<(String, String)>, Wrong> {
        let mut values = Vec::new();
        for pair in pairs {
            if pair.is_spaced {
                let word = keyword(&command.text);
                let message = format!("write `{word} NAME=value` instead of the old `{word} NAME value`");
                self.shared
                    .checks
                    .report("LegacyKeyValueFormat", command.lines, message);
            }
            values.push((
                self.value(&pair.name, command)?,
                self.value(&pair.value, command)?,
            ));
        }
        Ok(values)
    }

    /// Notes that a variable looks like a secret, which stays in the image for everybody to read.
    fn no_secret(&mut self, kind: &str, name: &str, command: &Command) {
        if looks_secret(name) {
            let message = format!(
                "`{name}` looks like a secret, and {kind} keeps it in the image: use `RUN --mount=type=secret`"
            );
            self.shared
                .checks
                .report("SecretsUsedInArgOrEnv", command.lines, message);
        }
    }
}

/// Answers whether a variable's name has a word for a secret among its words, and none that says it is harmless.
fn looks_secret(name: &str) -> bool {
    static SECRET: LazyLock<Option<Regex>> =
        LazyLock::new(|| words("apikey|auth|credentials?|key|password|pword|passwd|secret|token"));
    static HARMLESS: LazyLock<Option<Regex>> = LazyLock::new(|| words("public|file|version"));
    let is = |words: &Option<Regex>| words.as_ref().is_some_and(|words| words.is_match(name));
    is(&SECRET) && !is(&HARMLESS)
}

fn words(alternatives: &str) -> Option<Regex> {
    Regex::new(&format!("(?i)(?:_|^)(?:{alternatives})(?:_|$)")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_word_for_a_secret_look_secret() {
        for name in [
            "API_KEY",
            "token",
            "DATABASE_PASSWORD",
            "secret_MESSAGE",
            "AUTH",
            "apikey",
        ] {
            assert!(looks_secret(name), "{name}");
        }
        for name in [
            "MONKEY",
            "KEYBOARD",
            "PUBLIC_KEY",
            "TOKEN_FILE",
            "AUTHOR",
            "KEY_VERSION",
        ] {
            assert!(!looks_secret(name), "{name}");
        }
    }
}
