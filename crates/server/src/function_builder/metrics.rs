//! What the Function Builder did, as Prometheus reads it (text exposition format 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use coracle_platform::Tenant;
use http::{Method, StatusCode};

/// The upper bounds of what is counted together, in seconds.
const BUCKETS: [f64; 12] = [
    0.05, 0.25, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0,
];
/// The code of a request whose client has left, as nginx writes it.
const LEFT: u16 = 499;

/// The counters. A request or a build adds to them once or twice, so that they share a lock.
#[derive(Debug, Default)]
pub(crate) struct BuilderMetrics {
    counters: Mutex<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    in_flight: u64,
    requests: BTreeMap<(u16, &'static str), u64>,
    request_seconds: Histogram,
    builds: BTreeMap<(Tenant, Ended), u64>,
    build_seconds: Histogram,
}

/// How a build ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ended {
    Success,
    Failed,
    /// Its client has left, or the server ended.
    Cancelled,
}

/// A build that goes on, counted when dropped. One that does not say how it ended has failed.
pub(super) struct Build {
    metrics: Arc<BuilderMetrics>,
    tenant: Tenant,
    how: Ended,
    since: Instant,
}

impl Build {
    /// Counts a build of `tenant`, whose request came at `since`.
    pub(super) fn of(metrics: Arc<BuilderMetrics>, tenant: Tenant, since: Instant) -> Self {
        Self {
            metrics,
            tenant,
            how: Ended::Failed,
            since,
        }
    }

    /// Notes how it ended.
    pub(super) fn ended(&mut self, how: Ended) {
        self.how = how;
    }
}

impl Drop for Build {
    fn drop(&mut self) {
        self.metrics.built(&self.tenant, self.how, self.since.elapsed());
    }
}

/// How long things took.
#[derive(Debug, Default)]
struct Histogram {
    counts: [u64; BUCKETS.len()],
    count: u64,
    sum: Duration,
}

/// A request on its way, counted when dropped.
pub(super) struct InFlight {
    metrics: Arc<BuilderMetrics>,
    method: &'static str,
    code: u16,
    since: Instant,
}

impl InFlight {
    /// Counts a request that begins.
    pub(super) fn of(metrics: Arc<BuilderMetrics>, method: &Method) -> Self {
        metrics.lock().in_flight += 1;
        Self {
            metrics,
            method: known(method),
            code: LEFT,
            since: Instant::now(),
        }
    }

    /// Notes what it is answered with.
    pub(super) fn answered(&mut self, status: StatusCode) {
        self.code = status.as_u16();
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut counters = self.metrics.lock();
        counters.in_flight -= 1;
        *counters.requests.entry((self.code, self.method)).or_default() += 1;
        counters.request_seconds.add(self.since.elapsed());
    }
}

/// Answers the method as a label; whatever a client makes up is one.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "get",
        Method::POST => "post",
        Method::HEAD => "head",
        Method::PUT => "put",
        Method::DELETE => "delete",
        _ => "other",
    }
}

impl Histogram {
    fn add(&mut self, took: Duration) {
        self.count += 1;
        self.sum += took;
        for (bound, count) in BUCKETS.iter().zip(&mut self.counts) {
            *count += u64::from(took.as_secs_f64() <= *bound);
        }
    }

    fn write(&self, text: &mut String, name: &str) {
        for (bound, count) in BUCKETS.iter().zip(self.counts) {
            let _ = writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {count}");
        }
        let _ = writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {}", self.count);
        let _ = writeln!(
            text,
            "{name}_sum {:.3}\n{name}_count {}",
            self.sum.as_secs_f64(),
            self.count
        );
    }
}

impl BuilderMetrics {
    /// Counts a build that ended.
    fn built(&self, tenant: &Tenant, how: Ended, took: Duration) {
        let mut counters = self.lock();
        *counters.builds.entry((tenant.clone(), how)).or_default() += 1;
        counters.build_seconds.add(took);
    }

    /// Answers the metrics, given how many builds run and how many wait.
    pub(crate) fn text(&self, (running, waiting): (usize, usize)) -> String {
        let counters = self.lock();
        let mut text = String::new();
        header(
            &mut text,
            "http_requests_total",
            "Requests to the builder, by code and method.",
            "counter",
        );
        for ((code, method), count) in &counters.requests {
            let _ = writeln!(
                text,
                "http_requests_total{{code=\"{code}\",method=\"{method}\"}} {count}"
            );
        }
        let name = "http_request_duration_seconds";
        header(
            &mut text,
            name,
            "How long requests to the builder took.",
            "histogram",
        );
        counters.request_seconds.write(&mut text, name);
        for (name, help, value) in [
            (
                "http_requests_in_flight",
                "Requests that the builder is serving.",
                counters.in_flight,
            ),
            ("builder_builds_in_flight", "Builds that run.", running as u64),
            (
                "builder_builds_waiting",
                "Builds that wait for a place.",
                waiting as u64,
            ),
        ] {
            header(&mut text, name, help, "gauge");
            let _ = writeln!(text, "{name} {value}");
        }
        counters.builds(&mut text);
        text
    }

    fn lock(&self) -> MutexGuard<'_, Counters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counters {
    fn builds(&self, text: &mut String) {
        header(
            text,
            "builder_builds_total",
            "Builds that ended, by tenant and how.",
            "counter",
        );
        for ((tenant, ended), count) in &self.builds {
            let status = match ended {
                Ended::Success => "success",
                Ended::Failed => "failed",
                Ended::Cancelled => "cancelled",
            };
            let _ = writeln!(
                text,
                "builder_builds_total{{tenant=\"{tenant}\",status=\"{status}\"}} {count}"
            );
        }
        let name = "builder_build_duration_seconds";
        header(
            text,
            name,
            "How long builds took, the wait and the push included.",
            "histogram",
        );
        self.build_seconds.write(text, name);
    }
}

fn header(text: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_builds_are_counted_by_how_they_ended() {
        let metrics = Arc::new(BuilderMetrics::default());
        let mut answered = InFlight::of(Arc::clone(&metrics), &Method::POST);
        answered.answered(StatusCode::OK);
        drop(answered);
        drop(InFlight::of(Arc::clone(&metrics), &Method::PATCH));
        let _on_its_way = InFlight::of(Arc::clone(&metrics), &Method::GET);
        metrics.built(&Tenant::default(), Ended::Failed, Duration::from_secs(7));
        Build::of(Arc::clone(&metrics), "acme".parse().unwrap(), Instant::now()).ended(Ended::Cancelled);
        let text = metrics.text((1, 2));
        for line in [
            "http_requests_total{code=\"200\",method=\"post\"} 1",
            "http_requests_total{code=\"499\",method=\"other\"} 1",
            "http_request_duration_seconds_count 2",
            "http_requests_in_flight 1",
            "builder_builds_in_flight 1",
            "builder_builds_waiting 2",
            "builder_builds_total{tenant=\"default\",status=\"failed\"} 1",
            "builder_builds_total{tenant=\"acme\",status=\"cancelled\"} 1",
            "builder_build_duration_seconds_bucket{le=\"5\"} 1",
            "builder_build_duration_seconds_bucket{le=\"10\"} 2",
            "builder_build_duration_seconds_count 2",
        ] {
            assert!(text.lines().any(|have| have == line), "{line} is not in\n{text}");
        }
    }
}
