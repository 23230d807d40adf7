//! Tokens from a token server: for a name and a password, for an identity token, or for nobody
//! (distribution documentation, "Token authentication" and "`OAuth2` token authentication").

use std::time::{Duration, Instant};

use coracle_fetch::SafeUrl;
use http::{HeaderValue, Method, StatusCode, header};
use reqwest::{Response, Url};
use serde::Deserialize;

use super::challenge::Bearer;
use super::{basic_header, bearer_header};
use crate::attempt::Setback;
use crate::call::{Call, Payload};
use crate::credentials::{Credential, Secret};
use crate::error::DistributionError;
use crate::reply;
use crate::session::Session;

/// The most that a token server may answer, in bytes.
const LARGEST: u64 = 1 << 20;

/// How long a token is good that does not say so (distribution documentation).
const USUAL_LIFE: u64 = 60;

/// The longest that one is believed to be good, in seconds.
const LONGEST_LIFE: u64 = 24 * 60 * 60;

/// How long before its end one is not used any more, in seconds.
const MARGIN: u64 = 10;

#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(default, alias = "access_token")]
    token: Option<Secret>,
    expires_in: Option<u64>,
}

/// Fetches a token; answers the header with it, and until when it is good.
pub(super) async fn fetch(
    session: &Session<'_>,
    bearer: &Bearer,
    scope: &str,
    credential: Option<&Credential>,
) -> Result<(Option<HeaderValue>, Option<Instant>), Setback> {
    let realm = realm(session, bearer)?;
    let asked = Instant::now();
    let call = match credential {
        Some(Credential::Identity(token)) => trade(realm, bearer, scope, token),
        _ => ask(realm, bearer, scope, credential),
    };
    let response = session.exchange(&call, None).await?;
    let response = judge(session, response).await?;
    let url = SafeUrl::of(response.url().as_str());
    let body = reply::body(response, LARGEST, session.patience()).await?;
    let answer: Answer = serde_json::from_slice(&body).map_err(|_| DistributionError::Protocol {
        url,
        problem: "no token".to_owned(),
    })?;
    let life = answer
        .expires_in
        .unwrap_or(USUAL_LIFE)
        .clamp(USUAL_LIFE, LONGEST_LIFE);
    let life = Duration::from_secs(life - MARGIN);
    let header = answer.token.and_then(|token| bearer_header(token.expose()));
    Ok((header, Some(asked + life)))
}

/// Answers the token server's address. What a registry reached by TLS names must be reached so too: passwords go there.
fn realm(session: &Session<'_>, bearer: &Bearer) -> Result<Url, DistributionError> {
    let realm = Url::parse(&bearer.realm).ok();
    let may = |realm: &Url| realm.scheme() == "https" || (realm.scheme() == "http" && session.is_plain());
    realm.filter(may).ok_or_else(|| DistributionError::Protocol {
        url: session.shown(),
        problem: "the address of a token server that cannot be trusted".to_owned(),
    })
}

fn ask(mut realm: Url, bearer: &Bearer, scope: &str, credential: Option<&Credential>) -> Call {
    {
        let mut query = realm.query_pairs_mut();
        query.extend_pairs(bearer.service.iter().map(|service| ("service", service)));
        // One parameter a scope: servers split none.
        query.extend_pairs(
            scope
                .split(' ')
                .filter(|one| !one.is_empty())
                .map(|one| ("scope", one)),
        );
    }
    let call = Call::new(Method::GET, realm);
    match basic_header(credential) {
        Some(header) => call.header(header::AUTHORIZATION, header),
        None => call,
    }
}

fn trade(realm: Url, bearer: &Bearer, scope: &str, token: &Secret) -> Call {
    let mut form = realm.clone();
    form.query_pairs_mut()
        .clear()
        .append_pair("grant_type", "refresh_token")
        .append_pair("client_id", "coracle")
        .extend_pairs(bearer.service.iter().map(|service| ("service", service)))
        .append_pair("scope", scope)
        .append_pair("refresh_token", token.expose());
    let body = form.query().unwrap_or_default().to_owned();
    Call::new(Method::POST, realm)
        .header(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        )
        .carrying(Payload::Bytes(body.into()))
}

async fn judge(session: &Session<'_>, response: Response) -> Result<Response, Setback> {
    match response.status() {
        StatusCode::OK => Ok(response),
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            let refusal = reply::refusal(response, session.patience()).await;
            Err(session.denied(refusal).await.into())
        }
        _ => {
            let response = session.judge(response).await?;
            Err(reply::unexpected(response, "a token", session.patience())
                .await
                .into())
        }
    }
}
