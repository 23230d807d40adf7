//! What callers are told while the newest version of the function does not work.
//!
//! A version before it goes on answering, with a header that says what is wrong; when there is none, the whole error is
//! the answer: as text, or as a page for browsers that reloads itself, so that it turns into the function once that works.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use coracle_gateway::{ERROR, Notice};
use coracle_spec::Class;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};

use crate::problem::no_such_route;

/// What is wrong with the newest version, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// One line.
    pub summary: String,
    /// All of it: causes, what to do, and what was printed last.
    pub report: String,
}

/// What is told, by both ways.
#[derive(Debug, Default)]
pub(super) struct Told {
    notice: Arc<Notice>,
    report: Mutex<Option<Arc<str>>>,
}

impl Told {
    /// Answers what each answer of the gateway says.
    pub(super) fn notice(&self) -> Arc<Notice> {
        Arc::clone(&self.notice)
    }

    /// Tells of trouble, or that there is none.
    pub(super) fn tell(&self, trouble: Option<&Trouble>) {
        *self.report() = trouble.map(|trouble| trouble.report.as_str().into());
        match trouble {
            Some(trouble) => self.notice.say(&trouble.summary),
            None => self.notice.clear(),
        }
    }

    fn report(&self) -> MutexGuard<'_, Option<Arc<str>>> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the service for what reaches no function: tells of trouble if there is any.
pub(super) fn router(told: Arc<Told>) -> Router {
    Router::new().fallback(answer).with_state(told)
}

async fn answer(State(told): State<Arc<Told>>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let report = told.report().clone();
    match report {
        Some(report) => unavailable(&report, accepts_html(&headers)),
        None => no_such_route(method, uri).await.into_response(),
    }
}

fn accepts_html(headers: &HeaderMap) -> bool {
    let html = |accept: &HeaderValue| accept.to_str().is_ok_and(|accept| accept.contains("text/html"));
    headers.get_all(ACCEPT).iter().any(html)
}

fn unavailable(report: &str, as_page: bool) -> Response {
    let (kind, body) = if as_page {
        ("text/html; charset=utf-8", page(report))
    } else {
        ("text/plain; charset=utf-8", format!("{report}\n"))
    };
    let headers = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-store"),
        (RETRY_AFTER, "1"),
        (ERROR.clone(), Class::Unavailable.word()),
    ];
    (StatusCode::SERVICE_UNAVAILABLE, headers, body).into_response()
}

fn page(report: &str) -> String {
    let report = report
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    format!(
        "<!doctype html>\n\
         <html lang=\"en\">\n\
         <meta charset=\"utf-8\">\n\
         <meta http-equiv=\"refresh\" content=\"1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>It does not work yet</title>\n\
         <style>body {{ margin: 3rem; font: 0.9rem/1.5 monospace }} pre {{ white-space: pre-wrap }}</style>\n\
         <pre>{report}</pre>\n\
         <p>This page reloads itself until the function answers.</p>\n\
         </html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_shows_the_report_as_it_is() {
        let page = page("error: <b> & co");
        assert!(page.contains("<pre>error: &lt;b&gt; &amp; co</pre>"), "{page}");
    }
}
