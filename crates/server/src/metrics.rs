//! What the data plane did, as Prometheus reads it (text exposition format 0.0.4).

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use coracle_gateway::{Outcome, Record, Records};
use coracle_platform::Platform;
use http::header::CONTENT_TYPE;

use crate::serve::Counted;

/// The counters; each request adds to a few, without a lock.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    answered: AtomicU64,
    refused: AtomicU64,
    broken: AtomicU64,
    left: AtomicU64,
    upgraded: AtomicU64,
    cold: AtomicU64,
    start_micros: AtomicU64,
    queue_micros: AtomicU64,
    app_micros: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Records for Metrics {
    fn record(&self, record: &Record) {
        if record.revision.is_none() {
            return;
        }
        let outcome = match record.outcome {
            Outcome::Answered => &self.answered,
            Outcome::Upgraded => &self.upgraded,
            Outcome::Refused(_) => &self.refused,
            Outcome::Broken(_) => &self.broken,
            Outcome::ClientLeft => &self.left,
        };
        add(outcome, 1);
        add(&self.cold, u64::from(!record.timing.start.is_zero()));
        add(&self.start_micros, micros(record.timing.start));
        add(&self.queue_micros, micros(record.timing.queue));
        add(&self.app_micros, micros(record.timing.app));
        add(&self.sent, record.sent);
        add(&self.received, record.received);
    }
}

fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Makes the service of the metrics' own listener.
pub(crate) fn router(metrics: Arc<Metrics>, platform: Platform, builder: Option<Counted>) -> Router {
    Router::new()
        .route("/metrics", get(show))
        .with_state((metrics, platform, builder))
}

type Shown = (Arc<Metrics>, Platform, Option<Counted>);

async fn show(State((metrics, platform, builder)): State<Shown>) -> impl IntoResponse {
    let builds = builder.map(|builder| builder.text()).unwrap_or_default();
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4")],
        metrics.text(&platform) + &builds,
    )
}

impl Metrics {
    fn text(&self, platform: &Platform) -> String {
        let mut text = String::new();
        self.requests(&mut text);
        self.times(&mut text);
        let load = platform.load();
        for (name, help, value) in [
            ("coracle_functions", "Functions that are served.", load.functions),
            (
                "coracle_instances",
                "Instances that serve, start or end.",
                load.instances,
            ),
            (
                "coracle_requests_in_flight",
                "Requests that instances are serving.",
                usize::try_from(load.in_flight).unwrap_or(usize::MAX),
            ),
            (
                "coracle_requests_waiting",
                "Requests that wait for an instance.",
                load.waiting,
            ),
        ] {
            header(&mut text, name, help, "gauge");
            let _ = writeln!(text, "{name} {value}");
        }
        text
    }

    fn requests(&self, text: &mut String) {
        header(
            text,
            "coracle_requests_total",
            "Requests to functions, by how they ended.",
            "counter",
        );
        for (outcome, counter) in [
            ("answered", &self.answered),
            ("refused", &self.refused),
            ("broken", &self.broken),
            ("client_left", &self.left),
            ("upgraded", &self.upgraded),
        ] {
            let _ = writeln!(
                text,
                "coracle_requests_total{{outcome=\"{outcome}\"}} {}",
                value(counter)
            );
        }
    }

    fn times(&self, text: &mut String) {
        for (name, help, counter) in [
            (
                "coracle_cold_requests_total",
                "Requests that waited for an instance to start.",
                &self.cold,
            ),
            (
                "coracle_sent_bytes_total",
                "Bytes of response bodies.",
                &self.sent,
            ),
            (
                "coracle_received_bytes_total",
                "Bytes of request bodies.",
                &self.received,
            ),
        ] {
            header(text, name, help, "counter");
            let _ = writeln!(text, "{name} {}", value(counter));
        }
        for (name, help, counter) in [
            (
                "coracle_start_seconds_total",
                "Time that requests waited for a start.",
                &self.start_micros,
            ),
            (
                "coracle_queue_seconds_total",
                "Time that requests waited for a place.",
                &self.queue_micros,
            ),
            (
                "coracle_app_seconds_total",
                "Time until functions began to answer.",
                &self.app_micros,
            ),
        ] {
            header(text, name, help, "counter");
            let seconds = Duration::from_micros(value(counter)).as_secs_f64();
            let _ = writeln!(text, "{name} {seconds:.6}");
        }
    }
}

fn header(text: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn value(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
