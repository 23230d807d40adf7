//! The image that a build results in, as BuildKit hands it over: an archive in pieces.

use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

use bollard_buildkit_proto::moby::filesync::v1::BytesMessage;
use bollard_buildkit_proto::moby::filesync::v1::file_send_server::FileSend;
use bytes::Bytes;
use coracle_content::Store;
use coracle_oci::{Image, ImportError, ImportLimits, import};
use futures::TryStreamExt as _;
use futures::stream::{self, BoxStream, StreamExt as _};
use tokio::sync::oneshot;
use tokio_util::io::{StreamReader, SyncIoBridge};
use tonic::{Request, Response, Status, Streaming};

type Images = Result<Vec<Image>, ImportError>;

/// What came of the image that was handed over.
pub(crate) type Taken = oneshot::Receiver<Images>;

/// Takes one image.
pub(crate) struct Intake {
    store: Store,
    result: Mutex<Option<oneshot::Sender<Images>>>,
}

/// Makes what takes an image into `store`, and what tells of it.
pub(crate) fn intake(store: Store) -> (Intake, Taken) {
    let (result, taken) = oneshot::channel();
    let intake = Intake {
        store,
        result: Mutex::new(Some(result)),
    };
    (intake, taken)
}

#[tonic::async_trait]
impl FileSend for Intake {
    type DiffCopyStream = BoxStream<'static, Result<BytesMessage, Status>>;

    async fn diff_copy(
        &self,
        request: Request<Streaming<BytesMessage>>,
    ) -> Result<Response<Self::DiffCopyStream>, Status> {
        let result = self.result.lock().unwrap_or_else(PoisonError::into_inner).take();
        let result = result.ok_or_else(|| Status::already_exists("the image was handed over before"))?;
        let pieces = request
            .into_inner()
            .map_ok(|message| Bytes::from(message.data))
            .map_err(|status| io::Error::other(status.message().to_owned()))
            .boxed();
        let taken = take(self.store.clone(), pieces).await;
        let answer = match &taken {
            Ok(_) => Ok(Response::new(stream::empty().boxed())),
            Err(error) => Err(Status::aborted(crate::error::sentence(error))),
        };
        let _ = result.send(taken);
        answer
    }
}

/// Takes an archive in pieces into `store`.
pub(crate) async fn take(
    store: Store,
    pieces: BoxStream<'static, io::Result<Bytes>>,
) -> Result<Vec<Image>, ImportError> {
    let archive = SyncIoBridge::new(StreamReader::new(pieces));
    let importing = tokio::task::spawn_blocking(move || whole(&store, archive));
    importing
        .await
        .unwrap_or_else(|error| Err(ImportError::Read(io::Error::other(error))))
}

/// Imports an archive and reads what pads its end, so that nobody is left amid sending.
fn whole(store: &Store, mut archive: impl Read) -> Result<Vec<Image>, ImportError> {
    let images = import(store, &mut archive, &ImportLimits::default())?;
    io::copy(&mut archive.take(1 << 20), &mut io::sink()).map_err(ImportError::Read)?;
    Ok(images)
}
