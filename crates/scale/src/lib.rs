//! How many instances a revision should have: a pure function of what is observed and the time.
//!
//! The decision is made anew each time from everything that is seen, with nothing remembered between two calls, so
//! that a missed or doubled call changes nothing. A controller with a window of averages lost: the gateway counts
//! every request exactly, and a queue that has waited for a while says all that an average would.

mod decide;
mod policy;

pub use decide::{Desired, InstanceSeen, Observed, Standing, decide};
pub use policy::Policy;
