//! Blobs: fetched into the store, and given to registries.

mod download;
mod upload;

pub(crate) use download::Wish;
pub(crate) use upload::Gift;
