//! Named, cancellable background tasks and the order in which they end.
//!
//! Every task of the program is spawned through a [`Tasks`] group, so that a shutdown can tell it to end, wait
//! for it, end it at a deadline, and name whatever did not listen. A bare `tokio::spawn` can do none of that,
//! and a panic in it goes unnoticed; a `JoinSet` has one owner, while groups are cloned into whatever spawns.

mod group;
mod registry;

pub use group::{Task, Tasks};
pub use tokio_util::sync::CancellationToken;
