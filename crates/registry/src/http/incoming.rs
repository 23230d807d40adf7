//! Bodies of requests, from clients that may be slow on purpose: each wait has its end, and so has the whole.

use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout, timeout_at};

use super::fault::Fault;
use crate::error::RegistryError;

/// How long a client may send nothing, and how long it may take before its pace counts.
const PATIENCE: Duration = Duration::from_mins(1);

/// The pace that a client must keep, in bytes a second.
const PACE: u64 = 16 << 10;

/// How much is read, in bytes, and for how long, of a body that nobody wants.
const UNWANTED: (u64, Duration) = (256 << 10, Duration::from_secs(2));

/// Reads what nobody wants of a request's body, within bounds.
///
/// A connection with something unread is closed after the answer, and a client that sends its next request at that
/// moment sees it fail. Clients that show their credentials only when asked meet that with each request.
pub async fn drain<B>(body: B)
where
    B: http_body::Body<Data = Bytes>,
{
    Incoming::new(body).drain().await;
}

/// The body of a request.
pub(super) struct Incoming<B> {
    body: Pin<Box<B>>,
    began: Instant,
    received: u64,
    is_over: bool,
}

impl<B> Incoming<B>
where
    B: http_body::Body<Data = Bytes>,
{
    pub(super) fn new(body: B) -> Self {
        Self {
            body: Box::pin(body),
            began: Instant::now(),
            received: 0,
            is_over: false,
        }
    }

    /// Reads the rest, within bounds, to nobody.
    pub(super) async fn drain(&mut self) {
        let most = self.received + UNWANTED.0;
        let rest = async {
            while !self.is_over && self.received < most && matches!(self.piece().await, Ok(Some(_))) {}
        };
        let _ = timeout(UNWANTED.1, rest).await;
    }

    /// Answers the whole body, which may have `limit` bytes.
    pub(super) async fn whole(&mut self, limit: u64) -> Result<Bytes, Fault> {
        let mut whole = BytesMut::new();
        while let Some(piece) = self.piece().await? {
            if whole.len() as u64 + piece.len() as u64 > limit {
                return Err(RegistryError::TooLarge { limit }.into());
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }

    /// Answers the next piece, `None` at the end. A call that is given up loses nothing.
    pub(super) async fn piece(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            let frame = timeout_at(self.deadline(), self.body.frame()).await;
            match frame.map_err(|_| Fault::Slow)? {
                None => {
                    self.is_over = true;
                    return Ok(None);
                }
                Some(Err(_)) => return Err(Fault::Broken),
                Some(Ok(frame)) => {
                    let Ok(piece) = frame.into_data() else { continue };
                    self.received += piece.len() as u64;
                    return Ok(Some(piece));
                }
            }
        }
    }

    fn deadline(&self) -> Instant {
        let pace = self.began + PATIENCE + Duration::from_secs(self.received / PACE);
        pace.min(Instant::now() + PATIENCE)
    }
}
