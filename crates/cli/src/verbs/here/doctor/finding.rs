//! What a check found.

use std::error::Error as StdError;

use coracle_spec::Failure;
use serde::Serialize;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was looked at.
    pub(super) check: &'static str,
    pub(super) state: State,
    /// What is there, or what is wrong.
    pub(super) found: String,
    /// What to do about it.
    pub(super) advice: Option<String>,
}

/// Whether that is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// As it should be.
    Good,
    /// Some things will not work, or not well.
    Doubtful,
    /// Nothing can be built, or nothing can run.
    Missing,
}

impl Finding {
    pub(super) fn good(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            state: State::Good,
            found: found.into(),
            advice: None,
        }
    }

    pub(super) fn doubtful(
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<Option<&'static str>>,
    ) -> Self {
        Self {
            state: State::Doubtful,
            advice: advice.into().map(str::to_owned),
            ..Self::good(check, found)
        }
    }

    pub(super) fn missing(
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<Option<&'static str>>,
    ) -> Self {
        Self {
            state: State::Missing,
            ..Self::doubtful(check, found, advice)
        }
    }

    /// Makes a finding of a failure: what failed, why, and what the failure itself says to do.
    pub(super) fn failed(check: &'static str, state: State, failure: &dyn Failure) -> Self {
        Self {
            check,
            state,
            found: with_causes(failure),
            advice: failure.hint(),
        }
    }
}

fn with_causes(failure: &dyn Failure) -> String {
    let mut text = failure.to_string();
    let mut next: Option<&(dyn StdError + 'static)> = failure.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}
