//! How the gateway asks for instances. It knows nothing of how they are made.

use coracle_spec::{Class, Failure};

use crate::id::{InstanceId, RevisionId};
use crate::upstream::DialError;

/// What can make more instances of a revision. Both calls are notifications: they return at once.
///
/// They come from inside requests and from inside the calls that change a revision's instances, with none of its own
/// locks held; whoever makes such a call holds no lock that these need.
pub trait Capacity: Send + Sync + 'static {
    /// Called when requests wait and no ready instance has a free place.
    ///
    /// Called once however many wait: when the first request joins the empty queue, and again when an instance
    /// came or went and requests still wait. The answer is a later call of [`Revision::add`],
    /// [`Revision::resume`] or [`Revision::fail_waiting`], or none when nothing more may be started: a call
    /// while an instance is already starting is to be taken as the same wish.
    ///
    /// [`Revision::add`]: crate::Revision::add
    /// [`Revision::resume`]: crate::Revision::resume
    /// [`Revision::fail_waiting`]: crate::Revision::fail_waiting
    fn wanted(&self, revision: &RevisionId);

    /// Called when a ready instance could not be dialled. It gets no further requests: it is draining already.
    fn unreachable(&self, revision: &RevisionId, instance: &InstanceId, error: &DialError);
}

/// Why no instance will come for the requests that wait.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StartFailure {
    /// Who can do something about it.
    pub class: Class,
    /// What happened, for the caller of the function: no paths, no secrets.
    pub message: String,
    /// What to do about it, as one sentence without a full stop.
    pub hint: Option<String>,
}

impl Failure for StartFailure {
    fn class(&self) -> Class {
        self.class
    }

    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}
