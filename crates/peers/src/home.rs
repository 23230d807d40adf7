//! Where what is dear to make is kept: outside the checkout, shared by all that ask.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

/// Answers the folder that peers are kept in: `coracle/peers` in the user's cache.
pub fn kept() -> Result<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.filter(|path| path.is_absolute());
    let usual = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = cache.or_else(usual).context("`HOME` is not set")?;
    Ok(cache.join("coracle/peers"))
}
