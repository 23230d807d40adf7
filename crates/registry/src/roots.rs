//! What a collection must keep, read from the files of the registry itself, whether a server runs or not.

use std::path::Path;

use coracle_spec::Digest;

use crate::error::RegistryError;
use crate::functions;
use crate::layout::{Layout, digest_of, repository_of};
use crate::links;
use crate::registry::GRACE;

/// Answers what the registry of the data directory `data` keeps: each manifest, which keeps what it names, and each
/// blob that was pushed, mounted or asked for within the grace time. Those of functions it keeps for that time only.
///
/// It reads names and times only. An older link keeps nothing by itself: if a manifest names its blob, that keeps it.
pub fn held(data: &Path) -> Result<Vec<Digest>, RegistryError> {
    let layout = Layout::of(data);
    let mut held = Vec::new();
    for name in links::names(&layout.repositories())? {
        let Some(repository) = repository_of(&name) else {
            continue;
        };
        held.extend(functions::kept(&layout, &repository)?);
        for name in links::names(&layout.blobs(&repository))? {
            let since = links::since(&layout.blobs(&repository).join(&name))?;
            if since.is_some_and(|since| links::age(since) <= GRACE) {
                held.extend(digest_of(&name));
            }
        }
    }
    Ok(held)
}
