//! A body into an upload.
//!
//! What arrives waits in a short queue, and a thread writes and hashes as long as there is something in it: none is held
//! while a slow client sends nothing. A thread for each megabyte, awaited before the next one starts, lost: each megabyte
//! then waits until two threads have woken up, which on a busy machine takes longer than hashing it.

use bytes::Bytes;
use coracle_content::Upload;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::fault::Fault;
use super::incoming::Incoming;
use super::service::{Service, blocking};
use crate::error::RegistryError;
use crate::uploads::{UploadName, append};

/// How many pieces may wait for the disk. A piece is what one read of the connection brings, some 400 KiB at most.
const AHEAD: usize = 8;

/// Receives a body: while some of it is written, more arrives. What has arrived when it breaks off can be gone on with.
pub(super) async fn receive<B>(
    service: &Service,
    name: &UploadName,
    upload: Upload,
    body: &mut Incoming<B>,
) -> Result<Upload, Fault>
where
    B: http_body::Body<Data = Bytes>,
{
    let (pieces, arrived) = channel(AHEAD);
    let limit = service.registry().limits().blob;
    let (received, written) = tokio::join!(hand_on(body, pieces), write(arrived, upload, limit));
    let upload = written?;
    match received {
        Ok(()) => Ok(upload),
        Err(fault) => {
            service.registry().pause(name, upload);
            Err(fault)
        }
    }
}

/// Hands pieces on as they arrive, until the body ends or nobody takes them.
async fn hand_on<B>(body: &mut Incoming<B>, pieces: Sender<Bytes>) -> Result<(), Fault>
where
    B: http_body::Body<Data = Bytes>,
{
    loop {
        let piece = tokio::select! {
            piece = body.piece() => piece?,
            () = pieces.closed() => None,
        };
        let Some(piece) = piece else { return Ok(()) };
        // Nobody takes it: the other end says why.
        if pieces.send(piece).await.is_err() {
            return Ok(());
        }
    }
}

/// Writes pieces until there are no more.
async fn write(
    mut arrived: Receiver<Bytes>,
    mut upload: Upload,
    limit: u64,
) -> Result<Upload, RegistryError> {
    while let Some(first) = arrived.recv().await {
        let all_there_is = move || {
            upload = append(upload, &first, limit)?;
            while let Ok(piece) = arrived.try_recv() {
                upload = append(upload, &piece, limit)?;
            }
            Ok((arrived, upload))
        };
        (arrived, upload) = blocking(all_there_is).await?;
    }
    Ok(upload)
}
