//! HTTP over the platform: the control API, the functions, and the listeners of both.
//!
//! [`serve()`] is the platform as a service, on a data directory of its own. [`Ephemeral`] is the same for one function
//! and one command: nothing of it outlives the process.
//!
//! ```text
//! listeners ─► gateway ─┬─► function
//!                       ├─► /build, /publickey (behind signatures of bodies)
//!                       └─► /healthz, /ready, /api/v1/… and /v2/… (behind the authentication)
//! ```

mod api;
mod auth;
mod data;
mod ephemeral;
mod function_builder;
mod housekeeping;
mod listen;
mod metrics;
mod own_registry;
mod problem;
mod pull;
mod registry;
mod router;
mod serve;
mod tls;
mod waiting;

pub use auth::{AuthError, Secrets};
pub use data::{DataDirectory, DataError, socket, store};
pub use ephemeral::{Ephemeral, EphemeralConfig, Trouble};
pub use function_builder::{BuilderSenders, BuilderSettings, Contexts, OwnImages, Role};
pub use housekeeping::ImagesInUse;
pub use listen::ListenError;
pub use serve::{Instances, Listen, ServeConfig, ServeError, Server, Tls, serve};
pub use tls::TlsError;
