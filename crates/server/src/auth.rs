//! Who may use the control API: one principal, known by a password, or by being on the server's own socket.

mod layer;
mod secrets;

pub(crate) use layer::{Caller, authenticated};
pub use secrets::{AuthError, Secrets};
