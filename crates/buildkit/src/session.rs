//! The session: what BuildKit asks of this side during a build, served over a stream that this side opened.

mod asked;
mod auth;
mod files;
mod health;
mod intake;
mod secrets;
mod stream;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bollard_buildkit_proto::health::health_server::HealthServer;
use bollard_buildkit_proto::moby::buildkit::secrets::v1::secrets_server::SecretsServer;
use bollard_buildkit_proto::moby::filesync::packet::file_sync_server::FileSyncServer;
use bollard_buildkit_proto::moby::filesync::v1::auth_server::AuthServer;
use bollard_buildkit_proto::moby::filesync::v1::file_send_server::FileSendServer;
use coracle_build::SecretValue;
use coracle_spec::Digest;
use coracle_tasks::Tasks;
use hyper::server::conn::http2;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tonic::service::Routes;

use crate::dial::Stream;
use crate::solve::Logins;

pub(crate) use intake::{Intake, Taken, intake, take};
pub(crate) use stream::{calls, over_calls};

/// The most of one message that is taken, in bytes: BuildKit sends 3 MiB at once.
const MOST_MESSAGE: usize = 16 << 20;
/// How much may be on its way in one call, in bytes.
const WINDOW: u32 = 2 << 20;

/// What BuildKit may call (BuildKit, `session/session.go`).
const METHODS: [&str; 5] = [
    "/moby.filesync.v1.FileSync/DiffCopy",
    "/moby.filesync.v1.FileSend/DiffCopy",
    "/moby.filesync.v1.Auth/Credentials",
    "/moby.buildkit.secrets.v1.Secrets/GetSecret",
    "/grpc.health.v1.Health/Check",
];

/// What a session gives away.
pub(crate) struct Offer {
    /// Folders by the names that the front end has for them.
    pub(crate) folders: BTreeMap<&'static str, PathBuf>,
    pub(crate) secrets: BTreeMap<String, SecretValue>,
    pub(crate) logins: Arc<dyn Logins>,
}

/// A session before it is served.
pub(crate) struct Session {
    pub(crate) id: String,
    /// The same for the same folder, so that BuildKit only asks for what changed.
    shared_key: String,
    routes: Routes,
    tasks: Tasks,
}

impl Session {
    /// Makes a session that gives `offer` away and takes an image through `intake`.
    pub(crate) fn new(offer: Offer, intake: Intake, tasks: Tasks) -> Self {
        let shared_key = Digest::of_value(&offer.folders).hex();
        let files =
            FileSyncServer::new(files::Files::new(offer.folders)).max_decoding_message_size(MOST_MESSAGE);
        let image = FileSendServer::new(intake).max_decoding_message_size(MOST_MESSAGE);
        let routes = Routes::new(files)
            .add_service(image)
            .add_service(AuthServer::new(auth::Auth(offer.logins)))
            .add_service(SecretsServer::new(secrets::Secrets(offer.secrets)))
            .add_service(HealthServer::new(health::Healthy));
        Self {
            id: crate::id::random(),
            shared_key,
            routes: routes.prepare(),
            tasks,
        }
    }

    /// Answers what is said of it when its stream is opened, as header fields.
    pub(crate) fn headers(&self) -> Vec<(&'static str, &str)> {
        let own = [
            ("x-docker-expose-session-uuid", self.id.as_str()),
            ("x-docker-expose-session-name", "coracle"),
            ("x-docker-expose-session-sharedkey", &self.shared_key),
        ];
        let methods = METHODS.map(|method| ("x-docker-expose-session-grpc-method", method));
        own.into_iter().chain(methods).collect()
    }

    /// Answers calls that come over `stream` until that ends.
    pub(crate) fn serve(self, stream: Stream) {
        let calls = Calls(self.tasks.clone());
        let service = TowerToHyperService::new(self.routes);
        let mut builder = http2::Builder::new(calls);
        builder
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(4 * WINDOW);
        self.tasks.spawn("session of a build", async move {
            if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
                tracing::debug!(%error, "the session with BuildKit broke");
            }
        });
    }
}

/// Runs calls as tasks of the build.
#[derive(Clone)]
struct Calls(Tasks);

impl<F> hyper::rt::Executor<F> for Calls
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, call: F) {
        self.0.spawn("call of BuildKit", async move {
            call.await;
        });
    }
}
