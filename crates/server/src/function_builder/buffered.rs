//! The answer in one object, when the build is over. Clients decide by its HTTP status, and then read its `status`.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;

use super::answer::Answer;
use super::building::{Building, Next};

/// How often the build is looked at that tells nothing.
const LOOK: Duration = Duration::from_mins(1);
/// The most bytes of a log.
const MOST: usize = 16 << 20;

/// Waits for the build, and answers.
pub(super) async fn answer(mut building: Building) -> Response {
    let mut log = Log::default();
    let ended = loop {
        match building.next(LOOK).await {
            Next::Lines(lines) => log.add(lines),
            Next::Quiet => {}
            Next::Ended(ended) => break ended,
        }
    };
    let status = match &ended {
        Ok(_) => StatusCode::OK,
        Err(failure) => {
            log.lines.push(failure.text());
            failure.status()
        }
    };
    let answer = Answer {
        log: Some(log.lines),
        ..Answer::last(&ended, building.age())
    };
    (status, [(CONTENT_TYPE, "application/json")], answer.json()).into_response()
}

/// The lines so far, bounded: of a log that is too long the end is left out.
#[derive(Default)]
struct Log {
    lines: Vec<String>,
    bytes: usize,
}

impl Log {
    fn add(&mut self, lines: Vec<String>) {
        for line in lines {
            if self.bytes > MOST {
                return;
            }
            self.bytes += line.len();
            if self.bytes > MOST {
                self.lines.push("… the rest of the log is left out".to_owned());
            } else {
                self.lines.push(line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_is_too_long_says_so_once() {
        let mut log = Log::default();
        for _ in 0..20 {
            log.add(vec!["x".repeat(1 << 20)]);
        }
        assert_eq!(log.lines.len(), 17);
        assert_eq!(log.lines[16], "… the rest of the log is left out");
    }
}
