//! What took how long, as every response says it (W3C Server Timing, "The Server-Timing header field").

use std::fmt;
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
        let [queue, start, app] = [Millis(self.queue), Millis(self.start), Millis(self.app)];
        let text = format!("queue;dur={queue}, start;dur={start}, app;dur={app}");
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("app"))
    }
}

/// Prints milliseconds with three decimals, without the price of floating point.
struct Millis(Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        write!(f, "{}.{:03}", micros / 1000, micros % 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_milliseconds() {
        let timing = Timing {
            queue: Duration::ZERO,
            start: Duration::from_micros(12_034),
            app: Duration::from_secs(2),
        };
        assert_eq!(
            timing.value(),
            "queue;dur=0.000, start;dur=12.034, app;dur=2000.000"
        );
    }
}
