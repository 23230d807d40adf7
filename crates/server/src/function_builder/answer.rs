//! The shapes that clients know: what a build answers in one object, and in the lines of a stream.

use std::time::Duration;

use coracle_platform::{BuildTrouble, FunctionImage};
use coracle_spec::{Class, Failure};
use http::StatusCode;
use serde::Serialize;

use super::building::BuildFailure;
use super::lines::LONGEST_LINE;

/// How a build stands. Clients test for `failed`, whatever some pages say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    InProgress,
    Success,
    Failed,
}

/// One object: the whole answer, or a line of a stream.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    /// What was told, a line each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) log: Option<Vec<String>>,
    /// The image's name as it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) image: Option<String>,
    /// How it stands.
    pub(super) status: Status,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    /// Seconds since the request came, with three decimals.
    pub(super) duration: f64,
}

impl Answer {
    /// Says that it goes on, and what was told.
    pub(super) fn in_progress(log: Option<Vec<String>>, age: Duration) -> Self {
        Self {
            log,
            image: None,
            status: Status::InProgress,
            error: None,
            duration: seconds(age),
        }
    }

    /// Says how it ended.
    pub(super) fn last(ended: &Result<FunctionImage, BuildFailure>, age: Duration) -> Self {
        let (image, status, error) = match ended {
            Ok(image) => (image.name.clone(), Status::Success, None),
            Err(failure) => (failure.image(), Status::Failed, Some(failure.text())),
        };
        Self {
            log: None,
            image: Some(image),
            status,
            error,
            duration: seconds(age),
        }
    }

    /// Says why nothing was built.
    pub(super) fn refused(failure: &dyn Failure, age: Duration) -> Self {
        let error = text(failure);
        Self {
            log: Some(vec![error.clone()]),
            image: Some(String::new()),
            status: Status::Failed,
            error: Some(error),
            duration: seconds(age),
        }
    }

    /// Answers its JSON. Plain data always serialises; what would not is the shortest answer that clients understand.
    pub(super) fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_else(|_| br#"{"status":"failed"}"#.to_vec())
    }
}

fn seconds(age: Duration) -> f64 {
    (age.as_secs_f64() * 1000.0).round() / 1000.0
}

impl BuildFailure {
    fn image(&self) -> String {
        match self {
            Self::Said(error) => error.image.clone(),
            Self::Stopping | Self::Broken => String::new(),
        }
    }

    /// Says why it failed, in one text.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Said(error) => text(error),
            Self::Stopping => "the server is shutting down".to_owned(),
            Self::Broken => "the build ended without saying how: a defect of the server".to_owned(),
        }
    }

    /// Answers the status of an answer that is not a stream. 429 is for a server that is busy only.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Said(error) => match (&error.trouble, error.class()) {
                (BuildTrouble::TimedOut(_), _) => StatusCode::GATEWAY_TIMEOUT,
                (_, Class::Internal) => StatusCode::INTERNAL_SERVER_ERROR,
                (_, Class::Busy | Class::Unavailable) => StatusCode::SERVICE_UNAVAILABLE,
                (BuildTrouble::Submission(_), _) => StatusCode::BAD_REQUEST,
                _ => StatusCode::UNPROCESSABLE_ENTITY,
            },
        }
    }
}

/// Says a failure with its causes and what to do, in one text of a bounded length.
pub(super) fn text(failure: &dyn Failure) -> String {
    let causes = std::iter::successors(failure.source(), |cause| cause.source()).map(ToString::to_string);
    let mut whole = failure.to_string();
    // A cause that is told in its effect already is not told again.
    for cause in causes.filter(|cause| !failure.to_string().contains(cause.as_str())) {
        go_on(&mut whole, ": ", &cause);
    }
    if let Some(hint) = failure.hint() {
        go_on(&mut whole, " ", &format!("({hint})"));
    }
    if whole.len() <= LONGEST_LINE {
        return whole;
    }
    format!("{}…", &whole[..whole.floor_char_boundary(LONGEST_LINE)])
}

/// Says more after what was said: beneath it where that shows lines of a file, which would swallow it.
fn go_on(said: &mut String, between: &str, more: &str) {
    said.push_str(if said.contains('\n') { "\n" } else { between });
    said.push_str(more);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{what}")]
    struct Wrong {
        what: &'static str,
        source: std::fmt::Error,
    }

    impl Failure for Wrong {
        fn class(&self) -> Class {
            Class::User
        }

        fn hint(&self) -> Option<String> {
            Some("mend it".to_owned())
        }
    }

    #[test]
    fn what_follows_lines_of_a_file_is_beneath_them() {
        let source = std::fmt::Error;
        for (what, expected) in [
            ("`RUN x` failed", format!("`RUN x` failed: {source} (mend it)")),
            (
                "failed\n> 1 | RUN x",
                format!("failed\n> 1 | RUN x\n{source}\n(mend it)"),
            ),
        ] {
            assert_eq!(text(&Wrong { what, source }), expected);
        }
    }
}
