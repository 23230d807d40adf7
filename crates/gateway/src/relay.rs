//! The body of an instance's response as it passes, and what happens when it ends.
//!
//! The exchange lives as long as its body: the place, the connection and the record are held here, and let go
//! when the last byte has passed or when the client leaves, whichever is first.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::connection::Connection;
use crate::deadline::Silence;
use crate::record::{Open, Outcome};
use crate::revision::Slot;
use crate::upload::{Fate, Upload};

/// What one exchange holds while its response passes. Dropped, it closes the connection, gives the place back and
/// hands the record over, in this order.
pub(crate) struct Held {
    pub(crate) connection: Connection,
    pub(crate) slot: Slot,
    pub(crate) upload: Option<Arc<Upload>>,
    pub(crate) open: Open,
}

/// The body of an instance's response.
pub(crate) struct Relay {
    incoming: Incoming,
    held: Option<Box<Held>>,
    silence: Silence,
}

/// Why a response broke off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error("the function's response broke off")]
    Function(#[source] hyper::Error),
    #[error("the function's response was silent for too long, or took too long")]
    Late,
}

impl Held {
    /// Ends an exchange whose response has passed. The connection is kept only if the request has passed too.
    fn complete(mut self) {
        self.settle(Outcome::Answered);
        let Self {
            connection,
            slot,
            upload,
            open,
        } = self;
        if upload.is_none_or(|upload| upload.fate() == Fate::Finished) {
            slot.instance().pool.put(connection);
        }
        drop(slot);
        drop(open);
    }

    fn settle(&mut self, outcome: Outcome) {
        self.open.record.outcome = outcome;
        self.note_upload();
    }

    fn note_upload(&mut self) {
        if let Some(upload) = &self.upload {
            self.open.record.received = upload.bytes();
        }
    }
}

impl Relay {
    pub(crate) fn new(incoming: Incoming, held: Box<Held>, silence: Silence) -> Self {
        let mut relay = Self {
            incoming,
            held: Some(held),
            silence,
        };
        relay.notice_end();
        relay
    }

    pub(crate) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if self.held.is_none() {
            return Poll::Ready(None);
        }
        match Pin::new(&mut self.incoming).poll_frame(context) {
            Poll::Pending => self.silence.poll_broken(context).map(|()| Some(Err(self.late()))),
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(Ok(self.pass(frame)))),
            Poll::Ready(Some(Err(error))) => {
                self.end_as(Outcome::Broken("function"));
                Poll::Ready(Some(Err(Broken::Function(error))))
            }
            Poll::Ready(None) => {
                self.complete();
                Poll::Ready(None)
            }
        }
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        self.held.is_none()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }

    fn pass(&mut self, frame: Frame<Bytes>) -> Frame<Bytes> {
        self.silence.heard();
        if let Some(held) = &mut self.held {
            held.open.record.sent += frame.data_ref().map_or(0, Buf::remaining) as u64;
        }
        self.notice_end();
        frame
    }

    /// Ends the exchange with its last byte, for nobody polls a body whose length is known past that.
    fn notice_end(&mut self) {
        if self.incoming.is_end_stream() {
            self.complete();
        }
    }

    fn complete(&mut self) {
        if let Some(held) = self.held.take() {
            held.complete();
        }
    }

    fn late(&mut self) -> Broken {
        self.end_as(Outcome::Broken("late"));
        Broken::Late
    }

    fn end_as(&mut self, outcome: Outcome) {
        if let Some(mut held) = self.held.take() {
            held.settle(outcome);
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(held) = &mut self.held {
            held.note_upload();
        }
    }
}
