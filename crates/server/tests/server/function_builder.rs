//! The Function Builder API, as its clients see it.

mod answers;
mod body;
mod bounds;
mod fake;
mod floods;
mod hang_up;
mod hostile;
mod producers;
mod secrets;
mod senders;
mod yard;
