//! HTTP over the platform: the control API, the functions, and the listeners of both.
//!
//! [`serve()`] is the platform as a service, on a data directory of its own. [`Ephemeral`] is the same for one function
//! and one command: nothing of it outlives the process.
//!
//! ```text
//! listeners ─► gateway ─┬─► function
//!                       └─► /healthz, /ready, /api/v1/… and /v2/… (behind the authentication)
//! ```

mod api;
mod auth;
mod data;
mod ephemeral;
mod housekeeping;
mod listen;
mod metrics;
mod problem;
mod registry;
mod router;
mod serve;
mod tls;
mod uploads;

pub use auth::{AuthError, Secrets};
pub use data::{DataDirectory, DataError, socket, store};
pub use ephemeral::{Ephemeral, EphemeralConfig, Trouble};
pub use housekeeping::ImagesInUse;
pub use listen::ListenError;
pub use serve::{Instances, Listen, ServeConfig, ServeError, Server, Tls, serve};
pub use tls::TlsError;
