//! Request bodies on their way in: from whoever asks, with the bounds of the revision, to the instance.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;

use crate::deadline::Silence;
use crate::limits::Limits;
use crate::upload::{Fate, Upload};

/// Any error, as bodies have them.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A request's body as it reaches the gateway.
pub struct Inbound(Source);

enum Source {
    Empty,
    Hyper(Incoming),
    Boxed(UnsyncBoxBody<Bytes, BoxError>),
}

impl Inbound {
    /// Makes the body of a request that has none.
    pub fn empty() -> Self {
        Self(Source::Empty)
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

impl From<Incoming> for Inbound {
    fn from(body: Incoming) -> Self {
        Self(if body.is_end_stream() {
            Source::Empty
        } else {
            Source::Hyper(body)
        })
    }
}

impl From<Bytes> for Inbound {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() {
            Self::empty()
        } else {
            Self::new(http_body_util::Full::new(bytes))
        }
    }
}

impl Body for Inbound {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.get_mut().0 {
            Source::Empty => Poll::Ready(None),
            Source::Hyper(body) => Pin::new(body).poll_frame(context).map_err(Into::into),
            Source::Boxed(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Source::Empty => true,
            Source::Hyper(body) => body.is_end_stream(),
            Source::Boxed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Source::Empty => SizeHint::with_exact(0),
            Source::Hyper(body) => body.size_hint(),
            Source::Boxed(body) => body.size_hint(),
        }
    }
}

/// A request's body as it goes to an instance: bounded in size and silence, its progress visible to the exchange.
pub(crate) struct RequestBody(Option<Box<Bounded>>);

struct Bounded {
    source: Inbound,
    upload: Arc<Upload>,
    left: u64,
    silence: Silence,
}

/// A request's body was cut off; the reason is in its [`Upload`].
#[derive(Debug, thiserror::Error)]
#[error("the request body was cut off")]
pub(crate) struct CutOff;

impl RequestBody {
    /// Bounds `source`. Answers no upload when there is nothing to send.
    pub(crate) fn new(source: Inbound, limits: &Limits) -> (Self, Option<Arc<Upload>>) {
        if source.is_end_stream() {
            return (Self(None), None);
        }
        let upload = Arc::new(Upload::default());
        let bounded = Bounded {
            source,
            upload: Arc::clone(&upload),
            left: limits.request_body.bytes(),
            silence: Silence::new(limits.idle),
        };
        (Self(Some(Box::new(bounded))), Some(upload))
    }

    /// Makes the body of a request that has none.
    pub(crate) fn empty() -> Self {
        Self(None)
    }
}

impl Bounded {
    fn poll_source(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fate>>> {
        match Pin::new(&mut self.source).poll_frame(context) {
            Poll::Pending => {
                self.upload.starve();
                ready!(self.silence.poll_broken(context));
                Poll::Ready(Some(Err(Fate::Stalled)))
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(Fate::Broken))),
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(self.pass(frame))),
        }
    }

    fn pass(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, Fate> {
        self.silence.heard();
        let length = frame.data_ref().map_or(0, Buf::remaining) as u64;
        self.left = self.left.checked_sub(length).ok_or(Fate::TooLarge)?;
        self.upload.passed(length);
        Ok(frame)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        let Some(bounded) = &mut self.get_mut().0 else {
            return Poll::Ready(None);
        };
        bounded.upload.begin();
        let frame = ready!(bounded.poll_source(context));
        match &frame {
            None => bounded.upload.end(Fate::Finished),
            Some(Err(fate)) => bounded.upload.end(*fate),
            Some(Ok(_)) if bounded.source.is_end_stream() => bounded.upload.end(Fate::Finished),
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame.map(|frame| frame.map_err(|_| CutOff)))
    }

    fn is_end_stream(&self) -> bool {
        self.0
            .as_ref()
            .is_none_or(|bounded| bounded.source.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.0
            .as_ref()
            .map_or(SizeHint::with_exact(0), |bounded| bounded.source.size_hint())
    }
}
