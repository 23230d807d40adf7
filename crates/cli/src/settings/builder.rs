//! What the environment says about the Function Builder. Four of its variables have names that others gave them.

use std::path::PathBuf;
use std::str::FromStr;

use coracle_spec::Span;

use super::{Environment, SettingsError, Variable, variables};

/// What the environment says about the Function Builder.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    /// `CORACLE_ROLE`.
    pub(crate) role: Option<String>,
    /// `CORACLE_PAYLOAD_SECRET`, as it is written: a server has several files, a client has one.
    pub(crate) payload_secret: Option<String>,
    /// `CORACLE_REGISTRY_CONFIG`.
    pub(crate) registry_config: Option<String>,
    /// `CORACLE_BUILD_SECRETS_KEY`, `build_secrets_private_key_path`.
    pub(crate) build_secrets_key: Option<PathBuf>,
    /// `CORACLE_MAX_INFLIGHT`, `max_inflight`.
    pub(crate) max_inflight: Option<usize>,
    /// `CORACLE_BUILD_QUEUE`.
    pub(crate) queue: Option<usize>,
    /// `CORACLE_BUILD_TIMEOUT`.
    pub(crate) timeout: Option<Span>,
    /// `CORACLE_REPLAY_WINDOW`.
    pub(crate) replay_window: Option<Span>,
    /// `CORACLE_DISABLE_HMAC`, `disable_hmac`.
    pub(crate) disable_hmac: bool,
}

/// A text is neither `true` nor `false`.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not `true` or `false`")]
struct NotYesOrNo(String);

impl Builder {
    /// Reads the environment.
    pub(super) fn read(environment: &Environment) -> Result<Self, SettingsError> {
        let key = environment.path(variables::BUILD_SECRETS_KEY);
        let max_inflight = first(
            environment,
            [variables::MAX_INFLIGHT, variables::MAX_INFLIGHT_THEIRS],
        )?;
        let disable_hmac = first(
            environment,
            [variables::DISABLE_HMAC, variables::DISABLE_HMAC_THEIRS],
        )?;
        Ok(Self {
            role: environment.text(variables::ROLE)?,
            payload_secret: environment.text(variables::PAYLOAD_SECRET)?,
            registry_config: environment.text(variables::REGISTRY_CONFIG)?,
            build_secrets_key: key.or_else(|| environment.path(variables::BUILD_SECRETS_KEY_THEIRS)),
            max_inflight,
            queue: environment.parsed(variables::BUILD_QUEUE)?,
            timeout: environment.parsed(variables::BUILD_TIMEOUT)?,
            replay_window: environment.parsed(variables::REPLAY_WINDOW)?,
            disable_hmac: disable_hmac.is_some_and(|YesOrNo(yes)| yes),
        })
    }
}

/// `true` or `1`, `false` or `0`.
struct YesOrNo(bool);

impl FromStr for YesOrNo {
    type Err = NotYesOrNo;

    fn from_str(text: &str) -> Result<Self, NotYesOrNo> {
        match text {
            "true" | "1" => Ok(Self(true)),
            "false" | "0" => Ok(Self(false)),
            other => Err(NotYesOrNo(other.to_owned())),
        }
    }
}

fn first<T: FromStr>(environment: &Environment, names: [Variable; 2]) -> Result<Option<T>, SettingsError>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let [own, theirs] = names;
    match environment.parsed(own)? {
        Some(value) => Ok(Some(value)),
        None => environment.parsed(theirs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_it_in_both_spellings_and_the_own_one_wins() {
        let read = |variables: &[(&str, &str)]| Builder::read(&Environment::of(variables));
        let theirs = [
            ("max_inflight", "3"),
            ("disable_hmac", "true"),
            ("build_secrets_private_key_path", "/k"),
        ];
        let builder = read(&theirs).unwrap();
        assert_eq!((builder.max_inflight, builder.disable_hmac), (Some(3), true));
        assert_eq!(builder.build_secrets_key, Some(PathBuf::from("/k")));
        let own = [
            ("CORACLE_MAX_INFLIGHT", "7"),
            ("CORACLE_DISABLE_HMAC", "false"),
            theirs[0],
            theirs[1],
        ];
        let builder = read(&own).unwrap();
        assert_eq!((builder.max_inflight, builder.disable_hmac), (Some(7), false));
        for bad in [
            ("max_inflight", "many"),
            ("CORACLE_BUILD_TIMEOUT", "5"),
            ("disable_hmac", "maybe"),
        ] {
            assert!(read(&[bad]).unwrap_err().to_string().contains(bad.0));
        }
    }
}
