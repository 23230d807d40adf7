//! The distribution API over HTTP (OCI distribution specification 1.1, "API"), without a framework: names of
//! repositories have slashes, which no table of routes can say.

mod answer;
mod body;
mod fault;
mod incoming;
mod listing;
mod manifests;
mod pull;
mod push;
mod query;
mod range;
mod receive;
mod route;
mod service;

pub use body::Body;
pub use fault::refuse;
pub use incoming::drain;
pub use service::{Access, Service, Transfers};
