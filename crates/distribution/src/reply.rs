//! What registries answer that is no success.

use bytes::{Bytes, BytesMut};
use coracle_fetch::SafeUrl;
use http::StatusCode;
use reqwest::Response;
use serde::Deserialize;

use crate::error::{Broken, DistributionError, Refusal};
use crate::settings::Patience;

/// How much of an error is read, in bytes.
const LARGEST_ERROR: u64 = 64 << 10;

/// How much of it is shown, in characters.
const LONGEST_TEXT: usize = 300;

/// What a registry says when it refuses (distribution-spec, "Error Codes").
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Envelope {
    errors: Vec<Entry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    code: String,
    message: String,
}

/// Answers the error that an answer of no use is.
pub(crate) async fn unexpected(response: Response, what: &str, patience: &Patience) -> DistributionError {
    let status = response.status();
    if status == StatusCode::NOT_FOUND {
        return DistributionError::NotFound {
            what: what.to_owned(),
        };
    }
    let url = SafeUrl::of(response.url().as_str());
    DistributionError::Status {
        url,
        status: status.as_u16(),
        source: refusal(response, patience).await,
    }
}

/// Answers what the registry says of its refusal.
pub(crate) async fn refusal(response: Response, patience: &Patience) -> Option<Refusal> {
    let body = body(response, LARGEST_ERROR, patience).await.ok()?;
    let text = match serde_json::from_slice::<Envelope>(&body) {
        Ok(envelope) => envelope.errors.first().map(Entry::text)?,
        Err(_) => String::from_utf8_lossy(&body).lines().next()?.to_owned(),
    };
    let clean: String = text
        .chars()
        .filter(|char| !char.is_control())
        .take(LONGEST_TEXT)
        .collect();
    // A page for browsers says nothing to a terminal.
    let text = clean.trim();
    (!text.is_empty() && !text.starts_with('<')).then(|| Refusal(text.to_owned()))
}

impl Entry {
    fn text(&self) -> String {
        match (self.code.as_str(), self.message.as_str()) {
            ("", message) => message.to_owned(),
            (code, "") => code.to_owned(),
            (code, message) => format!("{message} ({code})"),
        }
    }
}

/// Reads a body of at most `limit` bytes.
pub(crate) async fn body(
    mut response: Response,
    limit: u64,
    patience: &Patience,
) -> Result<Bytes, DistributionError> {
    let url = SafeUrl::of(response.url().as_str());
    let mut body = BytesMut::new();
    while let Some(piece) =
        chunk(&mut response, patience)
            .await
            .map_err(|source| DistributionError::Unreachable {
                url: url.clone(),
                source,
            })?
    {
        body.extend_from_slice(&piece);
        if body.len() as u64 > limit {
            let problem = format!("more than the {limit} bytes that are read");
            return Err(DistributionError::Protocol { url, problem });
        }
    }
    Ok(body.freeze())
}

/// Reads the next bytes of a body.
pub(crate) async fn chunk(response: &mut Response, patience: &Patience) -> Result<Option<Bytes>, Broken> {
    match tokio::time::timeout(patience.stall, response.chunk()).await {
        Ok(result) => result.map_err(Broken::http),
        Err(_) => Err(Broken::Stalled(patience.stall)),
    }
}
