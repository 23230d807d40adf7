//! Which lines of a Dockerfile an error of BuildKit is about.
//!
//! BuildKit says so beside its message: details of the status, as JSON under the name of a message
//! (`solver/errdefs/errdefs.proto`, `util/grpcerrors`).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard_buildkit_proto::google::rpc;
use coracle_dockerfile::error::{Excerpt, Lines, excerpt};
use prost::Message as _;
use serde::Deserialize;
use tonic::Status;

/// The end of the name of a detail that says where.
const SOURCE: &str = "/errdefs.Source+json";

/// Which lines an error is about, if that is known. Its text begins with `: `, so that it follows a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin(Option<Place>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    file: String,
    lines: Lines,
    excerpt: Excerpt,
}

#[derive(Debug, Deserialize)]
struct Source {
    info: Info,
    #[serde(default)]
    ranges: Vec<Range>,
}

#[derive(Debug, Deserialize)]
struct Info {
    #[serde(default)]
    filename: String,
    /// The file, in Base64.
    #[serde(default)]
    data: String,
}

#[derive(Debug, Deserialize)]
struct Range {
    #[serde(default)]
    start: Position,
    #[serde(default)]
    end: Position,
}

#[derive(Debug, Default, Deserialize)]
struct Position {
    #[serde(default)]
    line: usize,
}

impl Origin {
    /// Finds it in what BuildKit answers.
    pub(crate) fn of(status: &Status) -> Self {
        let Ok(details) = rpc::Status::decode(status.details()) else {
            return Self::default();
        };
        // The last one is the innermost.
        let sources = details.details.iter().rev();
        let mut places = sources
            .filter(|detail| detail.type_url.ends_with(SOURCE))
            .filter_map(|detail| place(&detail.value));
        Self(places.next())
    }
}

fn place(json: &[u8]) -> Option<Place> {
    let source: Source = serde_json::from_slice(json).ok()?;
    let text = String::from_utf8(STANDARD.decode(&source.info.data).ok()?).ok()?;
    let first = source.ranges.iter().map(|range| range.start.line).min()?;
    let last = source.ranges.iter().map(|range| range.end.line).max()?.max(first);
    let lines = Lines { first, last };
    (first > 0).then(|| Place {
        file: source.info.filename,
        lines,
        excerpt: excerpt(&text, lines),
    })
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(place) => write!(
                f,
                ": `{}`, line {}\n{}",
                place.file, place.lines.first, place.excerpt
            ),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use bollard_buildkit_proto::google::protobuf::Any;
    use tonic::Code;

    use super::*;

    const NAME: &str = "github.com/moby/buildkit/errdefs.Source+json";

    fn status(type_url: &str, json: &str) -> Status {
        let details = rpc::Status {
            code: 2,
            message: String::new(),
            details: vec![Any {
                type_url: type_url.to_owned(),
                value: json.into(),
            }],
        };
        Status::with_details(Code::Unknown, "failed", details.encode_to_vec().into())
    }

    #[test]
    fn the_lines_are_those_that_buildkit_says() {
        let data = STANDARD.encode("FROM scratch\nRUN false\nCMD x\n");
        let json = format!(
            r#"{{"info":{{"filename":"Dockerfile","data":"{data}"}},"ranges":[{{"start":{{"line":2}},"end":{{"line":2}}}}]}}"#
        );
        let text = Origin::of(&status(NAME, &json)).to_string();
        assert_eq!(
            text,
            ": `Dockerfile`, line 2\n  1 | FROM scratch\n> 2 | RUN false\n  3 | CMD x"
        );
    }

    #[test]
    fn an_error_without_lines_has_none() {
        for (type_url, json) in [(NAME, "{}"), (NAME, "no JSON"), ("other", "{}")] {
            assert_eq!(Origin::of(&status(type_url, json)), Origin::default());
        }
        assert_eq!(Origin::of(&Status::internal("no details")), Origin::default());
    }
}
