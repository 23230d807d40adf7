//! The answer as a stream: one JSON object a line (`application/x-ndjson`).
//!
//! Clients stop reading without a word at a line of 64 KiB, take a stream without a final status for a success, and
//! break on empty lines. So lines are short, each stream ends with one `success` or `failed`, and while nothing
//! happens a small object is sent, for the proxies between.

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use super::NDJSON;
use super::answer::Answer;
use super::building::{Building, Next};

/// How long a stream is quiet at most.
const HEARTBEAT: Duration = Duration::from_secs(12);
/// The most bytes of log in a line, as JSON.
const MOST: usize = 50_000;

/// Answers a stream that goes on with the build. Dropping it ends the build.
pub(super) fn answer(building: Building) -> Response {
    let lines = stream::unfold(Telling::Begins(building), next);
    let headers = [(CONTENT_TYPE, NDJSON), (CACHE_CONTROL, "no-store")];
    (headers, Body::from_stream(lines)).into_response()
}

/// Where a stream is.
enum Telling {
    Begins(Building),
    Goes(Building),
    Over,
}

async fn next(telling: Telling) -> Option<(Result<Bytes, std::convert::Infallible>, Telling)> {
    let mut building = match telling {
        // The first line goes out at once: a client sees that its body was taken.
        Telling::Begins(building) => {
            let first = line(&Answer::in_progress(None, building.age()));
            return Some((Ok(first.into()), Telling::Goes(building)));
        }
        Telling::Goes(building) => building,
        Telling::Over => return None,
    };
    let (text, telling) = match building.next(HEARTBEAT).await {
        Next::Lines(lines) => (progress(lines, building.age()), Telling::Goes(building)),
        Next::Quiet => (
            line(&Answer::in_progress(None, building.age())),
            Telling::Goes(building),
        ),
        Next::Ended(ended) => (line(&Answer::last(&ended, building.age())), Telling::Over),
    };
    Some((Ok(text.into()), telling))
}

fn line(answer: &Answer) -> Vec<u8> {
    let mut line = answer.json();
    line.push(b'\n');
    line
}

/// Writes lines of the log into as few objects as stay short.
fn progress(log: Vec<String>, age: Duration) -> Vec<u8> {
    let mut text = Vec::new();
    let mut part = Vec::new();
    let mut size = 0;
    for entry in log {
        let length = json_length(&entry);
        if size + length > MOST && !part.is_empty() {
            text.extend(line(&Answer::in_progress(Some(std::mem::take(&mut part)), age)));
            size = 0;
        }
        size += length;
        part.push(entry);
    }
    if !part.is_empty() {
        text.extend(line(&Answer::in_progress(Some(part), age)));
    }
    text
}

/// Answers how long a text is in JSON, with what separates it.
fn json_length(text: &str) -> usize {
    serde_json::to_string(text).map_or(0, |json| json.len()) + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function_builder::lines::LONGEST_LINE;

    #[test]
    fn no_line_is_as_long_as_clients_do_not_read() {
        // A control character is the longest in JSON.
        let log: Vec<String> = (0..20)
            .map(|_| "\u{1}".repeat(LONGEST_LINE + 30))
            .chain([String::new()])
            .collect();
        let text = String::from_utf8(progress(log, Duration::from_hours(1))).unwrap();
        let mut told = 0;
        for line in text.strip_suffix('\n').unwrap().split('\n') {
            assert!(line.len() < 60_000, "{}", line.len());
            let object: serde_json::Value = serde_json::from_str(line).unwrap();
            told += object["log"].as_array().unwrap().len();
        }
        assert_eq!(told, 21, "each is told once");
    }

    #[test]
    fn short_lines_share_an_object() {
        let text = progress(vec!["a".to_owned(), "b".to_owned()], Duration::from_millis(1234));
        let text = String::from_utf8(text).unwrap();
        assert_eq!(
            text,
            "{\"log\":[\"a\",\"b\"],\"status\":\"in_progress\",\"duration\":1.234}\n"
        );
    }
}
