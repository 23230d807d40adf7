//! Response bodies on their way out: the platform's own, or an instance's, passed on as it comes.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;

use crate::inbound::BoxError;
use crate::relay::Relay;

/// A response's body as it leaves the gateway.
pub struct Outbound(Source);

enum Source {
    Whole(Bytes),
    Relay(Relay),
    Boxed(UnsyncBoxBody<Bytes, BoxError>),
}

impl Outbound {
    /// Makes the body of a response that has none.
    pub fn empty() -> Self {
        Self(Source::Whole(Bytes::new()))
    }

    /// Makes a body of another body.
    pub fn new<B>(body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self(Source::Boxed(body.map_err(Into::into).boxed_unsync()))
    }
}

impl From<Bytes> for Outbound {
    fn from(bytes: Bytes) -> Self {
        Self(Source::Whole(bytes))
    }
}

impl From<Relay> for Outbound {
    fn from(relay: Relay) -> Self {
        Self(Source::Relay(relay))
    }
}

impl Body for Outbound {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.get_mut().0 {
            Source::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Source::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Source::Relay(relay) => relay.poll_frame(context).map_err(Into::into),
            Source::Boxed(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Source::Whole(bytes) => bytes.is_empty(),
            Source::Relay(relay) => relay.is_end_stream(),
            Source::Boxed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Source::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Relay(relay) => relay.size_hint(),
            Source::Boxed(body) => body.size_hint(),
        }
    }
}
