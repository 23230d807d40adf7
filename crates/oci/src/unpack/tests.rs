//! Archives that want something else than to be unpacked.

mod archive;
mod cut;
mod damage;
mod headers;
mod limits;
mod place;
mod rights;
mod ways_out;
mod whiteouts;
