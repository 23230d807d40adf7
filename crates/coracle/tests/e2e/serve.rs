//! The platform as its users meet it: `serve`, and the verbs that talk to it.

mod access;
mod cold_start;
mod deploys;
mod ending;
mod images;
mod remote;
mod rollback;
mod secrets;
mod verbs;
