//! Files on their way to a server.

use coracle_api::client::RequestBody;
use futures::TryStreamExt as _;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio_util::io::ReaderStream;

/// Answers a file as a request's body, from where it stands.
pub(crate) fn body_of(file: std::fs::File) -> RequestBody {
    let file = tokio::fs::File::from_std(file);
    StreamBody::new(ReaderStream::new(file).map_ok(Frame::data)).boxed_unsync()
}
