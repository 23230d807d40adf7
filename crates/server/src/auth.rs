//! Who may use the control API: one principal, known by a password, or by being on the server's own socket.

mod layer;
mod secrets;
mod token;

pub(crate) use layer::{Caller, authenticated, caller};
pub use secrets::{AuthError, Secrets};
pub(crate) use token::{Grant, LIFETIME};
