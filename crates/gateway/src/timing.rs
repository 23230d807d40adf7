//! What took how long, as every response says it (W3C Server Timing, "The Server-Timing header field").

use std::time::Duration;

use http::header::{HeaderName, HeaderValue};

use crate::revision::Wait;

/// Says what took how long.
pub(crate) static SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// What took how long until a response began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timing {
    /// Waiting for a place on an instance that others used.
    pub queue: Duration,
    /// Waiting for an instance to start.
    pub start: Duration,
    /// From the place to the head of the response.
    pub app: Duration,
}

impl Timing {
    pub(crate) fn waited(&mut self, wait: Wait) {
        match wait {
            Wait::Queue(duration) => self.queue += duration,
            Wait::Start(duration) => self.start += duration,
        }
    }

    /// Answers the header's value, in milliseconds.
    pub(crate) fn value(&self) -> HeaderValue {
        let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
        let [queue, start, app] = [self.queue, self.start, self.app].map(millis);
        let text = format!("queue;dur={queue:.3}, start;dur={start:.3}, app;dur={app:.3}");
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("app"))
    }
}
