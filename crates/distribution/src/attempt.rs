//! Attempts: what may be tried again, and after which pause.
//!
//! A pause doubles from one attempt to the next, and is cut by chance to between half and all of it, so that many who
//! were refused together do not come back together. What the registry asks for (RFC 9110 §10.2.3) goes before.

use std::time::Duration;

use http::{HeaderMap, header};
use jiff::Timestamp;
use rand::RngExt as _;

use crate::error::DistributionError;
use crate::settings::Patience;

/// How an attempt ended when it did not succeed.
pub(crate) enum Setback {
    /// Another attempt would end the same way.
    Final(DistributionError),
    /// Another attempt may succeed, after the pause that the registry asks for.
    Passing(DistributionError, Option<Duration>),
}

impl<E: Into<DistributionError>> From<E> for Setback {
    fn from(error: E) -> Self {
        Self::Final(error.into())
    }
}

/// Counts attempts.
pub(crate) struct Attempts {
    patience: Patience,
    made: u32,
}

impl Attempts {
    pub(crate) fn new(patience: Patience) -> Self {
        Self { patience, made: 0 }
    }

    /// Starts counting anew: something was achieved.
    pub(crate) fn begin_anew(&mut self) {
        self.made = 0;
    }

    /// Waits before the next attempt, or answers why there is none.
    pub(crate) async fn pause(&mut self, setback: Setback) -> Result<(), DistributionError> {
        let (error, asked) = match setback {
            Setback::Final(error) => return Err(error),
            Setback::Passing(error, asked) => (error, asked),
        };
        self.made += 1;
        let pause = asked.unwrap_or_else(|| self.backoff());
        if self.made >= self.patience.attempts || pause > self.patience.longest_pause {
            return Err(error);
        }
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            ?pause,
            "another attempt follows"
        );
        tokio::time::sleep(pause).await;
        Ok(())
    }

    fn backoff(&self) -> Duration {
        let doublings = (self.made - 1).min(16);
        let whole = self.patience.backoff.saturating_mul(1 << doublings);
        whole
            .min(self.patience.longest_pause)
            .mul_f64(rand::rng().random_range(0.5..=1.0))
    }
}

/// Answers the pause that a registry asks for: in seconds, or until a date.
pub(crate) fn asked_pause(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(until.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_asks_for_a_pause_in_seconds_or_until_a_date() {
        let now: Timestamp = "2015-10-21T07:27:30Z".parse().unwrap();
        for (text, expected) in [
            ("120", Some(120)),
            ("0", Some(0)),
            ("Wed, 21 Oct 2015 07:28:00 GMT", Some(30)),
            ("Wed, 21 Oct 2015 07:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(
                asked_pause(&headers, now),
                expected.map(Duration::from_secs),
                "{text}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_and_attempts_end() {
        let patience = Patience {
            attempts: 4,
            ..Patience::default()
        };
        let mut attempts = Attempts::new(patience);
        let passing = |asked| Setback::Passing(DistributionError::Cancelled, asked);
        for least in [250, 500, 1000] {
            let start = tokio::time::Instant::now();
            attempts.pause(passing(None)).await.unwrap();
            assert!(start.elapsed() >= Duration::from_millis(least));
        }
        attempts.pause(passing(None)).await.unwrap_err();
        attempts.begin_anew();
        attempts
            .pause(passing(Some(Duration::from_secs(7))))
            .await
            .unwrap();
        attempts
            .pause(passing(Some(Duration::from_hours(1))))
            .await
            .unwrap_err();
        attempts.begin_anew();
        let last = Setback::Final(DistributionError::Cancelled);
        attempts.pause(last).await.unwrap_err();
    }
}
