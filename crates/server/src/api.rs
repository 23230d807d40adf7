//! The control API under `/api/v1`: one handler a route, one file a subject.

mod builds;
mod describe;
mod functions;
mod images;
mod info;
mod logs;
mod path;
mod registries;
mod scale;
mod secrets;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, any, delete, get, patch, post, put};
use coracle_api::routes::{self, Route};
use coracle_api::types::ServerInfo;
use coracle_content::Store;
use coracle_platform::{Builds, Platform};
use coracle_registry::Registry;
use coracle_tasks::CancellationToken;

use crate::auth::{Secrets, authenticated};
use crate::problem::no_such_route;
use crate::waiting::Waiting;

/// What handlers need.
#[derive(Clone)]
pub(crate) struct Context {
    /// The use cases.
    pub(crate) platform: Platform,
    /// Where images are.
    pub(crate) store: Store,
    /// Which of them were built here and wait for their deploy.
    pub(crate) waiting: Arc<Waiting>,
    /// Which of them are whose.
    pub(crate) registry: Registry,
    /// Builds sources that are sent, if the server does.
    pub(crate) builds: Option<Builds>,
    /// What the server says of itself.
    pub(crate) info: Arc<ServerInfo>,
    /// Cancelled when the server ends: what would go on for ever ends too.
    pub(crate) ending: CancellationToken,
}

/// Makes the control API: every route behind the authentication.
pub(crate) fn router(context: Context, secrets: Arc<Secrets>) -> Router {
    handlers()
        .into_iter()
        .fold(Router::new(), |router, (route, handler)| {
            router.route(route.path, handler)
        })
        // Under the API, what is not there needs credentials too.
        .route("/api/", any(no_such_route))
        .route("/api/{*rest}", any(no_such_route))
        .with_state(context)
        .layer(from_fn_with_state(secrets, authenticated))
}

fn handlers() -> [(Route, MethodRouter<Context>); 16] {
    [
        (routes::SERVER, get(info::server)),
        (routes::FUNCTIONS, get(functions::list)),
        (routes::FUNCTION, get(describe::describe)),
        (routes::REMOVE_FUNCTION, delete(functions::remove)),
        (routes::REVISIONS, get(functions::revisions)),
        (routes::DEPLOY, post(functions::deploy)),
        (routes::ROLLBACK, post(functions::roll_back)),
        (routes::SCALE, patch(scale::change)),
        (routes::LOGS, get(logs::read)),
        (
            routes::BUILD,
            post(builds::build).layer(DefaultBodyLimit::disable()),
        ),
        (routes::SECRETS, get(secrets::list)),
        (routes::SET_SECRET, put(secrets::set)),
        (routes::REMOVE_SECRET, delete(secrets::remove)),
        (routes::REGISTRIES, get(registries::list)),
        (routes::SET_REGISTRY, put(registries::set)),
        (routes::REMOVE_REGISTRY, delete(registries::remove)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_routes_is_served_whole() {
        let served: Vec<Route> = handlers().into_iter().map(|(route, _)| route).collect();
        assert_eq!(served, routes::ROUTES);
    }
}
