//! The data plane: from a request that was accepted to the last byte of its answer.
//!
//! ```text
//! Listener → Gateway ─ route ─► Revision ─ admit ─► Slot ─ connect ─► Exchange ─► Relay (or tunnel)
//!                │                  │  queue, least in flight, Capacity::wanted
//!                └► the platform's own service
//! ```
//!
//! The gateway knows revisions and instances only as what its own traits say: [`Upstream`] is a way to an instance,
//! [`Capacity`] is whom to ask for one, [`Records`] is told of every request. The platform pushes instances in
//! ([`Revision::add`]) rather than being asked for one per request, so that the way of a request to a ready
//! instance takes two short locks and waits for nobody.

mod answer;
mod book;
mod capacity;
mod connection;
mod deadline;
mod exchange;
mod gateway;
mod headers;
mod id;
mod inbound;
mod instance;
mod limits;
mod listener;
mod notice;
mod outbound;
mod patience;
mod peer;
mod pool;
mod record;
mod refusal;
mod relay;
mod request_id;
mod revision;
mod route;
mod seen;
mod target;
mod timing;
mod tunnel;
mod upload;
mod upstream;

pub use answer::{ERROR, ORIGIN};
pub use book::{InstanceState, Phase};
pub use capacity::{Capacity, StartFailure};
pub use gateway::Gateway;
pub use id::{InstanceId, RevisionId};
pub use inbound::{BoxError, Inbound};
pub use limits::Limits;
pub use listener::{Listener, ListenerLimits, TlsConfig, serve};
pub use notice::{DEV_ERROR, Notice};
pub use outbound::Outbound;
pub use peer::Peer;
pub use record::{Outcome, Record, Records, Unrecorded};
pub use request_id::{REQUEST_ID, RequestId};
pub use revision::{Observed, Revision};
pub use route::{Routes, Table};
pub use target::Target;
pub use timing::Timing;
pub use upstream::{DialError, Io, Upstream};
