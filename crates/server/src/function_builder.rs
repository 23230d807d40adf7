//! The Function Builder API at the root: `POST /build` and what belongs to it, as clients of OpenFaaS speak it.
//!
//! ```text
//! POST /build ─spool─► signed? ─admit─┬─ `Accept: application/x-ndjson` ─► stream: lines as they come, one final status
//!                                     └─ else ─► one JSON object, when it is over
//! ```
//!
//! Who may build is known by the body's signature alone, so these routes are not behind the control API's
//! authentication. Errors are JSON with a `status`, save that of a busy server, whose text clients know.

mod answer;
mod buffered;
mod building;
mod lines;
mod measure;
mod metrics;
mod own_images;
mod probes;
mod refusal;
mod registries;
mod settings;
mod spool;
mod stream;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use coracle_platform::FunctionBuilder;
use coracle_tasks::{CancellationToken, Tasks};
use http::HeaderMap;
use http::header::ACCEPT;

pub use self::own_images::OwnImages;
pub use self::settings::{BuilderSenders, BuilderSettings, Contexts, Role};

use self::building::Building;
pub(crate) use self::metrics::BuilderMetrics;
use self::refusal::Refusal;
pub(crate) use self::registries::Registries;
pub(crate) use self::spool::Spools;

/// What signs a body.
const SIGNATURE: &str = "x-build-signature";
/// What a client says that reads a stream.
const NDJSON: &str = "application/x-ndjson";

/// What the handlers need.
#[derive(Clone)]
pub(crate) struct BuilderContext {
    /// The use case.
    pub(crate) builder: FunctionBuilder,
    /// What it did.
    pub(crate) metrics: Arc<BuilderMetrics>,
    /// Where bodies come in.
    pub(crate) spools: Spools,
    /// Runs the builds.
    pub(crate) tasks: Tasks,
    /// Cancelled when the server ends.
    pub(crate) ending: CancellationToken,
}

/// Makes the routes.
pub(crate) fn router(context: BuilderContext) -> Router {
    let metrics = Arc::clone(&context.metrics);
    Router::new()
        .route("/build", post(build))
        .route("/publickey", get(probes::public_key))
        .route("/public-key", get(probes::public_key))
        .layer(from_fn_with_state(metrics, measure::measured))
        .with_state(context)
}

/// Makes the probe that turns busy when no more builds are taken.
pub(crate) fn readiness(builder: FunctionBuilder) -> Router {
    Router::new()
        .route("/ready", get(probes::ready))
        .with_state(builder)
}

/// `POST /build`.
async fn build(
    State(context): State<BuilderContext>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let since = Instant::now();
    let signature = headers
        .get(SIGNATURE)
        .map(|value| value.to_str().unwrap_or_default());
    let (spooled, tenant) = context.spools.receive(&context.builder, &headers, body).await?;
    let admitted = context.builder.admit(tenant.clone(), signature)?;
    let building = Building::start(&context, (admitted, tenant), spooled, since);
    if wants_stream(&headers) {
        Ok(stream::answer(building))
    } else {
        Ok(buffered::answer(building).await)
    }
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accepted = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    accepted
        .into_iter()
        .any(|text| text.to_ascii_lowercase().contains(NDJSON))
}
