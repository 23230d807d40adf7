//! The name of one request, in responses, records and errors, and towards the function.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use http::header::{HeaderMap, HeaderName, HeaderValue};

/// Carries a request's name. A caller's own is kept when it is short and plain.
pub static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const LONGEST: usize = 128;

static RUN: LazyLock<u64> = LazyLock::new(rand::random);
static COUNT: AtomicU64 = AtomicU64::new(0);

/// The name of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// Answers the name that the caller gave, else a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        headers
            .get(&REQUEST_ID)
            .filter(|id| is_plain(id))
            .cloned()
            .map_or_else(Self::new, Self)
    }

    /// Makes a name that no other request has: random for each run of the program, counted within it.
    fn new() -> Self {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:016x}-{count:x}", *RUN);
        Self(HeaderValue::try_from(id).unwrap_or_else(|_| HeaderValue::from_static("-")))
    }

    /// Answers the name as text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or("-")
    }

    pub(crate) fn value(&self) -> HeaderValue {
        self.0.clone()
    }
}

fn is_plain(id: &HeaderValue) -> bool {
    let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'<' | b'>');
    (1..=LONGEST).contains(&id.len()) && id.as_bytes().iter().all(plain)
}
