//! Connections to elsewhere, whoever makes them: whom TLS believes, and what stood in the way, in words.
//!
//! Downloads, registries and servers are reached by three HTTP clients that share neither a runtime nor an error. What
//! they do share is here: the files that name certificate authorities, and the sentence that a user reads when a host
//! cannot be reached. Printing each client's own chain of causes lost: it has up to six links, and one of them says
//! something.

mod authorities;
mod obstacle;

pub use authorities::{AuthoritiesError, authorities};
pub use obstacle::Obstacle;
