//! The table of routes: the one place that names the API's paths.

use coracle_spec::{FunctionId, Namespace, RegistryName};
use http::Method;

/// One route of the control API. Each of them requires credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path with its parameters in braces.
    pub path: &'static str,
}

macro_rules! routes {
    ($($(#[$doc:meta])* $name:ident = $method:ident $path:literal;)+) => {
        $($(#[$doc])* pub const $name: Route = Route { method: Method::$method, path: $path };)+

        /// Each route of the API.
        pub const ROUTES: &[Route] = &[$($name),+];
    };
}

routes! {
    /// What the server says of itself.
    SERVER = GET "/api/v1/server";
    /// Lists functions.
    FUNCTIONS = GET "/api/v1/functions";
    /// Describes a function.
    FUNCTION = GET "/api/v1/functions/{namespace}/{name}";
    /// Removes a function.
    REMOVE_FUNCTION = DELETE "/api/v1/functions/{namespace}/{name}";
    /// Lists a function's revisions.
    REVISIONS = GET "/api/v1/functions/{namespace}/{name}/revisions";
    /// Deploys: makes a revision and switches to it once it is ready.
    DEPLOY = POST "/api/v1/functions/{namespace}/{name}/revisions";
    /// Leads a function back to an earlier revision.
    ROLLBACK = POST "/api/v1/functions/{namespace}/{name}/rollback";
    /// Changes how many instances a function has.
    SCALE = PATCH "/api/v1/functions/{namespace}/{name}/scale";
    /// Reads or follows a function's log.
    LOGS = GET "/api/v1/functions/{namespace}/{name}/logs";
    /// Builds the image of a source folder, whose archive is the body.
    BUILD = POST "/api/v1/builds";
    /// Lists a namespace's secrets, without values.
    SECRETS = GET "/api/v1/secrets/{namespace}";
    /// Sets a secret to the body.
    SET_SECRET = PUT "/api/v1/secrets/{namespace}/{name}";
    /// Removes a secret.
    REMOVE_SECRET = DELETE "/api/v1/secrets/{namespace}/{name}";
    /// Lists the stored credentials for image registries, without passwords.
    REGISTRIES = GET "/api/v1/registries";
    /// Stores a credential for an image registry.
    SET_REGISTRY = PUT "/api/v1/registries/{name}";
    /// Removes a credential that nothing uses.
    REMOVE_REGISTRY = DELETE "/api/v1/registries/{name}";
}

/// Answers the path of [`FUNCTION`] and of [`REMOVE_FUNCTION`].
pub fn function(id: &FunctionId) -> String {
    format!("/api/v1/functions/{}/{}", id.namespace, id.name)
}

/// Answers the path of [`REVISIONS`] and of [`DEPLOY`].
pub fn revisions(id: &FunctionId) -> String {
    format!("{}/revisions", function(id))
}

/// Answers the path of [`ROLLBACK`].
pub fn rollback(id: &FunctionId) -> String {
    format!("{}/rollback", function(id))
}

/// Answers the path of [`SCALE`].
pub fn scale(id: &FunctionId) -> String {
    format!("{}/scale", function(id))
}

/// Answers the path of [`LOGS`].
pub fn logs(id: &FunctionId) -> String {
    format!("{}/logs", function(id))
}

/// Answers the path of [`SECRETS`].
pub fn secrets(namespace: &Namespace) -> String {
    format!("/api/v1/secrets/{namespace}")
}

/// Answers the path of [`SET_SECRET`] and of [`REMOVE_SECRET`].
pub fn secret(namespace: &Namespace, name: &str) -> String {
    format!("/api/v1/secrets/{namespace}/{name}")
}

/// Answers the path of [`SET_REGISTRY`] and of [`REMOVE_REGISTRY`].
pub fn registry(name: &RegistryName) -> String {
    format!("/api/v1/registries/{name}")
}

/// Answers the repository of the server's registry that images are pushed to before they are deployed as `id`, by their
/// digest.
pub fn repository(id: &FunctionId) -> String {
    format!("functions/{}/{}", id.namespace, id.name)
}
