//! The connection to a BuildKit: calls of its own, and the stream that its questions come over.

use std::sync::{Arc, Mutex, PoisonError};

use bollard_buildkit_proto::moby::buildkit::v1::control_client::ControlClient;
use coracle_tasks::Tasks;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tonic::metadata::{MetadataKey, MetadataValue};
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Request, Status};

use crate::address::Server;
use crate::dial::{CONNECT, DialError, Stream, dial};
use crate::engine::Engine;
use crate::error::{Refusal, SolveError};
use crate::place::Place;
use crate::session::{Session, calls, over_calls};

/// The most of one answer that is taken, in bytes.
const MOST_ANSWER: usize = 32 << 20;

/// The connection to a BuildKit.
pub(crate) struct Wire {
    pub(crate) control: ControlClient<Channel>,
    place: Place,
    engine: Engine,
}

impl Wire {
    /// Connects.
    pub(crate) async fn connect(place: &Place, tasks: &Tasks) -> Result<Self, SolveError> {
        let engine = Engine::new(place.clone(), tasks.clone());
        let stream = match place.address.server {
            Server::BuildKit => dial(place).await?,
            Server::Docker => engine.upgrade("/grpc", &[]).await?,
        };
        let channel = channel(stream)
            .await
            .map_err(|error| talk(place, &Status::from_error(error.into())))?;
        Ok(Self {
            control: ControlClient::new(channel).max_decoding_message_size(MOST_ANSWER),
            place: place.clone(),
            engine,
        })
    }

    /// Opens the stream that a session is served over.
    pub(crate) async fn open(&mut self, session: &Session) -> Result<Stream, SolveError> {
        match self.place.address.server {
            Server::BuildKit => self.open_by_call(session).await,
            Server::Docker => Ok(self.engine.upgrade("/session", &session.headers()).await?),
        }
    }

    async fn open_by_call(&mut self, session: &Session) -> Result<Stream, SolveError> {
        let (sending, sent) = calls();
        let mut request = Request::new(sent);
        for (name, value) in session.headers() {
            if let Ok(value) = MetadataValue::try_from(value) {
                request
                    .metadata_mut()
                    .append(MetadataKey::from_static(name), value);
            }
        }
        match timeout(CONNECT, self.control.session(request)).await {
            Ok(Ok(received)) => Ok(over_calls(sending, received.into_inner())),
            Ok(Err(status)) => Err(talk(&self.place, &status)),
            Err(_) => Err(DialError::Silent {
                address: self.place.address.clone(),
            }
            .into()),
        }
    }
}

fn talk(place: &Place, status: &Status) -> SolveError {
    SolveError::Talk {
        address: place.address.to_string(),
        source: Refusal::of(status),
    }
}

/// Speaks HTTP/2 on `stream`. When that ends, so does the channel: it connects once.
async fn channel(stream: Stream) -> Result<Channel, tonic::transport::Error> {
    let stream = Arc::new(Mutex::new(Some(stream)));
    let connect = tower::service_fn(move |_: Uri| {
        let stream = stream.lock().unwrap_or_else(PoisonError::into_inner).take();
        let gone = || std::io::Error::new(std::io::ErrorKind::ConnectionReset, "BuildKit broke off");
        std::future::ready(stream.map(TokioIo::new).ok_or_else(gone))
    });
    Endpoint::from_static("http://buildkit")
        .connect_timeout(CONNECT)
        .connect_with_connector(connect)
        .await
}
