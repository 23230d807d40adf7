//! The Function Builder API, as its clients see it.

mod answers;
mod body;
mod bounds;
mod fake;
mod hostile;
mod secrets;
mod senders;
mod yard;
