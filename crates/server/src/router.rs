//! What the platform answers itself: probes, and the control API behind its authentication.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::api::{self, Context};
use crate::auth::Secrets;
use crate::problem::no_such_route;

/// Makes the service for everything that names no function.
pub(crate) fn router(context: Context, secrets: Arc<Secrets>) -> Router {
    public().merge(api::router(context, secrets))
}

/// Makes the service of a server that takes no functions; `readiness` says whether it takes what it does.
pub(crate) fn only_probes(readiness: Router) -> Router {
    Router::new()
        .route("/healthz", get(ok))
        .merge(readiness)
        .fallback(no_such_route)
}

/// Answers for everybody: whether the process lives, and whether it takes requests.
pub(crate) fn public() -> Router {
    Router::new()
        .route("/healthz", get(ok))
        .route("/ready", get(ok))
        .fallback(no_such_route)
}

async fn ok() -> &'static str {
    "ok\n"
}
