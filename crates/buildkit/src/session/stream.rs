//! Streams of messages, and streams of bytes made of them.

use std::future::ready;
use std::io;

use bollard_buildkit_proto::moby::buildkit::v1::BytesMessage;
use bytes::Bytes;
use futures::channel::mpsc as channel;
use futures::stream::BoxStream;
use futures::{FutureExt as _, SinkExt as _, StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::mpsc;
use tokio_util::io::{CopyToBytes, SinkWriter, StreamReader};
use tonic::{Status, Streaming};

use crate::dial::Stream;

/// How many messages may wait to be sent.
const WAITING: usize = 16;

/// Answers what comes out of `sent` while `work` fills it, to its end.
pub(super) fn beside<T: Send + 'static>(
    work: impl Future<Output = ()> + Send + 'static,
    sent: mpsc::Receiver<T>,
) -> BoxStream<'static, T> {
    let received = stream::unfold(sent, |mut sent| async move { Some((sent.recv().await?, sent)) });
    // The work yields nothing itself; it is part of the stream so that it ends with it.
    let silent = work.into_stream().filter_map(|()| ready(None));
    stream::select(received, silent).boxed()
}

/// The messages of a stream that is sent.
pub(crate) type Sent = channel::Receiver<BytesMessage>;

/// Makes the sending half of a stream of bytes over messages of BuildKit, and what is sent then.
pub(crate) fn calls() -> (channel::Sender<BytesMessage>, Sent) {
    channel::channel(WAITING)
}

/// Makes a stream of bytes of messages both ways.
pub(crate) fn over_calls(
    sending: channel::Sender<BytesMessage>,
    received: Streaming<BytesMessage>,
) -> Stream {
    let bytes = received
        .map_ok(|message| Bytes::from(message.data))
        .map_err(|status: Status| io::Error::other(status.message().to_owned()));
    let messages = sending
        .with(|bytes: Bytes| ready(Ok(BytesMessage { data: bytes.to_vec() })))
        .sink_map_err(|error: channel::SendError| io::Error::new(io::ErrorKind::BrokenPipe, error));
    let writer = SinkWriter::new(CopyToBytes::new(messages));
    Box::new(tokio::io::join(StreamReader::new(bytes), writer))
}
