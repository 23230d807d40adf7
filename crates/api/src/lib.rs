//! The HTTP API under `/api/v1`: its wire types, its table of routes, and a typed client.
//!
//! Client and server share these types, so neither can drift; `openapi.json` beside this crate is the same for
//! everybody else, and a test keeps its paths equal to [`routes::ROUTES`].
//!
//! Images do not travel through it: they are pushed into the server's registry, into [`routes::repository`], and deployed
//! by the digest of the manifest (`docs/decisions/011-images-travel-through-the-registry.md`).

pub mod client;
pub mod routes;
pub mod types;

pub use client::{Client, ClientError, Credentials, Endpoint};
