//! Files of web servers that `ADD` names.

use coracle_content::Store;
use coracle_fetch::{SafeUrl, Silent};
use coracle_spec::Digest;
use fs_err as fs;

use super::error::PlaceError;
use super::sources::From;
use crate::builder::Tools;
use crate::request::Tenant;

/// Answers what a file is called: the last part of its address's path.
pub(crate) fn name(url: &str) -> String {
    let without = url.split(['?', '#']).next().unwrap_or_default();
    let path = without.split_once("://").map_or(without, |(_, rest)| rest);
    let (_, path) = path.split_once('/').unwrap_or_default();
    match path.trim_end_matches('/').rsplit('/').next() {
        None | Some("" | "." | "..") => "__unnamed__".to_owned(),
        Some(name) => name.to_owned(),
    }
}

/// The most that one file may hold, in bytes.
const LARGEST: u64 = 16 << 30;

/// Answers the digest of a file of a web server, which is in the store then.
///
/// One whose checksum is said is fetched once for each party: that a checksum is known says nothing of who may have the
/// bytes. One without is fetched each time: what is at an address may change, and a step's key is made of what was there.
pub(crate) fn digest(
    (tools, tenant): (&Tools, Option<&Tenant>),
    url: &str,
    checksum: Option<&str>,
) -> Result<Digest, PlaceError> {
    let expected: Option<Digest> = checksum.and_then(|checksum| checksum.parse().ok());
    let there = tools.registries(tenant);
    if let Some(expected) = expected
        && there.holds(&expected)?
    {
        return Ok(expected);
    }
    let mut blob = tools.store.write_blob()?;
    tools.fetcher.stream(url, LARGEST, &mut blob, &Silent)?;
    let digest = blob.commit()?.digest;
    there.note_held(&digest)?;
    match checksum {
        Some(checksum) if expected != Some(digest) => Err(PlaceError::Checksum {
            url: SafeUrl::of(url).to_string(),
            found: digest.to_string(),
            expected: checksum.to_owned(),
        }),
        _ => Ok(digest),
    }
}

/// Lays out a file that was fetched as the blob `digest`: its owner only may read it.
pub(crate) fn lay_out(store: &Store, url: &str, digest: &Digest) -> Result<From, PlaceError> {
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = store.scratch()?;
    let path = scratch.path().join(name(url));
    fs::copy(store.existing_blob(digest)?.path, &path)?;
    fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(From::single(scratch)?)
}

/// Lays out a file that a Dockerfile holds.
pub(crate) fn lay_out_text(store: &Store, name: &str, contents: &str) -> Result<From, PlaceError> {
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = store.scratch()?;
    let path = scratch.path().join(name.rsplit('/').next().unwrap_or_default());
    fs::write(&path, contents)?;
    fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644))?;
    Ok(From::single(scratch)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_as_its_address_ends() {
        for (url, expected) in [
            ("https://a.example/x/y.tar.gz?v=1#top", "y.tar.gz"),
            ("https://a.example/x/", "x"),
            ("https://a.example", "__unnamed__"),
            ("https://a.example/", "__unnamed__"),
        ] {
            assert_eq!(name(url), expected, "{url}");
        }
    }
}
