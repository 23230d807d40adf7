//! What is known of one request when it is over: for the access log, metrics and activity.

use std::time::Duration;

use http::{Method, StatusCode, Uri};
use tokio::time::Instant;

use crate::id::{InstanceId, RevisionId};
use crate::peer::Peer;
use crate::request_id::RequestId;
use crate::timing::Timing;

/// Is told of every request when it is over.
pub trait Records: Send + Sync + 'static {
    /// Takes note of a request. Called on the request's own path: it returns at once.
    fn record(&self, record: &Record);
}

/// Takes note of nothing.
pub struct Unrecorded;

impl Records for Unrecorded {
    fn record(&self, _: &Record) {}
}

/// What is known of one request when it is over.
#[derive(Debug)]
pub struct Record {
    /// The request's name.
    pub id: RequestId,
    /// Who asked.
    pub peer: Peer,
    /// The request's method.
    pub method: Method,
    /// The request's target, as it came.
    pub uri: Uri,
    /// The revision that it was for, `None` when there is none.
    pub revision: Option<RevisionId>,
    /// The instance that served it, `None` when it reached none.
    pub instance: Option<InstanceId>,
    /// The status of the response, `None` when the client left before there was one.
    pub status: Option<StatusCode>,
    /// How it ended.
    pub outcome: Outcome,
    /// What took how long.
    pub timing: Timing,
    /// From the request's head to the end of everything.
    pub total: Duration,
    /// Bytes of the response's body that were passed on.
    pub sent: u64,
    /// Bytes of the request's body that were taken.
    pub received: u64,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The function's response was passed on to its end.
    Answered,
    /// The connection was upgraded, and is over.
    Upgraded,
    /// The platform answered instead, with this code.
    Refused(&'static str),
    /// The response broke off on the function's side, or grew too old.
    Broken(&'static str),
    /// The client left before the end.
    ClientLeft,
}

/// A record in the making. It is handed over when dropped, which before its outcome is set means that the client
/// has left: its future is dropped wherever it waits.
pub(crate) struct Open {
    pub(crate) record: Box<Record>,
    pub(crate) began: Instant,
    records: std::sync::Arc<dyn Records>,
}

impl Open {
    pub(crate) fn new(records: &std::sync::Arc<dyn Records>, record: Record) -> Self {
        Self {
            record: Box::new(record),
            began: Instant::now(),
            records: records.clone(),
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.record.total = self.began.elapsed();
        self.records.record(&self.record);
    }
}
