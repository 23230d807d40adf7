//! Paths: what a request is about.

use http::Method;
use percent_encoding::percent_decode_str;

use crate::names::{InvalidName, Reference, Repository};
use crate::uploads::UploadName;
use coracle_spec::Digest;

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// Whether this is a registry.
    Base,
    /// The repositories (not of the specification; Docker's registry has it, and clients know it).
    Catalog,
    /// The tags of a repository.
    Tags(Repository),
    /// A manifest.
    Manifest(Repository, Reference),
    /// A blob.
    Blob(Repository, Digest),
    /// New uploads.
    Uploads(Repository),
    /// An upload.
    Upload(UploadName),
    /// What refers to a manifest.
    Referrers(Repository, Digest),
}

/// Why a path names nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoRoute {
    /// Nothing is there.
    Unknown,
    /// A name in it is none.
    Name(InvalidName),
}

impl From<InvalidName> for NoRoute {
    fn from(error: InvalidName) -> Self {
        Self::Name(error)
    }
}

impl Route {
    /// Reads a path that begins with `/v2`. It is read from its end, since the name may have any number of parts.
    pub(super) fn of(path: &str) -> Result<Self, NoRoute> {
        let rest = path.strip_prefix("/v2").ok_or(NoRoute::Unknown)?;
        let decoded = percent_decode_str(rest)
            .decode_utf8()
            .map_err(|_| NoRoute::Unknown)?;
        let parts: Vec<&str> = decoded.strip_prefix('/').unwrap_or(&decoded).split('/').collect();
        match parts.as_slice() {
            [""] => Ok(Self::Base),
            ["_catalog"] => Ok(Self::Catalog),
            [name @ .., "blobs", "uploads"] | [name @ .., "blobs", "uploads", ""] => {
                Ok(Self::Uploads(repository(name)?))
            }
            [name @ .., "blobs", "uploads", id] => Ok(Self::Upload(UploadName {
                repository: repository(name)?,
                id: (*id).to_owned(),
            })),
            [name @ .., "tags", "list"] => Ok(Self::Tags(repository(name)?)),
            [name @ .., "manifests", reference] => Ok(Self::Manifest(repository(name)?, reference.parse()?)),
            [name @ .., "blobs", digest] => Ok(Self::Blob(repository(name)?, crate::digest::parse(digest)?)),
            [name @ .., "referrers", digest] => {
                Ok(Self::Referrers(repository(name)?, crate::digest::parse(digest)?))
            }
            _ => Err(NoRoute::Unknown),
        }
    }

    /// Answers the methods that are answered there.
    pub(super) fn methods(&self) -> &'static [Method] {
        match self {
            Self::Base | Self::Catalog | Self::Tags(_) | Self::Referrers(..) => &[Method::GET, Method::HEAD],
            Self::Manifest(..) => &[Method::GET, Method::HEAD, Method::PUT, Method::DELETE],
            Self::Blob(..) => &[Method::GET, Method::HEAD, Method::DELETE],
            Self::Uploads(_) => &[Method::POST],
            Self::Upload(_) => &[Method::GET, Method::PATCH, Method::PUT, Method::DELETE],
        }
    }

    /// Answers whether somebody without credentials may read what is there, when reading needs none. What functions are
    /// made of was deployed, not published: it has the source in it.
    pub(super) fn is_public(&self) -> bool {
        match self {
            Self::Base => true,
            Self::Tags(repository)
            | Self::Manifest(repository, _)
            | Self::Blob(repository, _)
            | Self::Referrers(repository, _) => !repository.is_of_function(),
            Self::Catalog | Self::Uploads(_) | Self::Upload(_) => false,
        }
    }
}

fn repository(parts: &[&str]) -> Result<Repository, InvalidName> {
    parts.join("/").parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_from_their_end() {
        let digest = Digest::of("x");
        let name = |text: &str| text.parse::<Repository>().unwrap();
        for (path, route) in [
            ("/v2".to_owned(), Route::Base),
            ("/v2/".to_owned(), Route::Base),
            ("/v2/_catalog".to_owned(), Route::Catalog),
            ("/v2/a/b/tags/list".to_owned(), Route::Tags(name("a/b"))),
            (
                "/v2/tags/list/tags/list".to_owned(),
                Route::Tags(name("tags/list")),
            ),
            (
                "/v2/manifests/manifests/latest".to_owned(),
                Route::Manifest(name("manifests"), "latest".parse().unwrap()),
            ),
            (
                format!("/v2/a/manifests/sha256%3A{}", digest.hex()),
                Route::Manifest(name("a"), Reference::Digest(digest)),
            ),
            (format!("/v2/a/blobs/{digest}"), Route::Blob(name("a"), digest)),
            ("/v2/a/blobs/uploads/".to_owned(), Route::Uploads(name("a"))),
            ("/v2/a/blobs/uploads".to_owned(), Route::Uploads(name("a"))),
            (
                "/v2/a/blobs/uploads/12".to_owned(),
                Route::Upload(UploadName {
                    repository: name("a"),
                    id: "12".to_owned(),
                }),
            ),
            (
                format!("/v2/a/referrers/{digest}"),
                Route::Referrers(name("a"), digest),
            ),
        ] {
            assert_eq!(Route::of(&path), Ok(route), "{path}");
        }
    }

    #[test]
    fn hostile_paths_name_nothing() {
        for path in [
            "/v2/../manifests/latest",
            "/v2/%2e%2e/manifests/latest",
            "/v2/a/%2e%2e/tags/list",
            "/v2/a//tags/list",
            "/v2/A/tags/list",
            "/v2/tags/list",
            "/v2/a%2f..%2fb/tags/list",
            "/v2/a/manifests/..",
            "/v2/a/manifests/%00",
            "/v2/a/blobs/sha256:..",
            "/v2/a/blobs/sha256:../../etc/passwd",
            "/v2/a/referrers/x",
            "/v2/%ff/tags/list",
            "/v2/nothing",
            "/v3/",
        ] {
            assert!(Route::of(path).is_err(), "{path}");
        }
    }
}
