//! The client against registries: Debian's, and one that misbehaves.

mod hostile;
mod images;
mod lies;
mod real;
mod tokens;
