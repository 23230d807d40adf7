//! The HTTP API under `/api/v1`: its wire types, its table of routes, and a typed client.
//!
//! Client and server share these types, so neither can drift; `openapi.json` beside this crate is the same for
//! everybody else, and a test keeps its paths equal to [`routes::ROUTES`].
//!
//! Images travel as blobs: a client asks which of an image's blobs the server lacks, sends those, and deploys by the
//! digest of the manifest. A client on the server's own machine built into the same store, so nothing is
//! lacking. An upload of one archive lost: it sends layers the server has, and cannot be taken up again half-way.

pub mod client;
pub mod routes;
pub mod types;

pub use client::{Client, ClientError, Credentials, Endpoint};
