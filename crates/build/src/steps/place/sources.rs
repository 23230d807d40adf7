//! Where placed files come from, and which of them a source means.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use coracle_content::{Scratch, StatCache, Store};
use coracle_plan::Place;
use coracle_plan::patterns::{Patterns, clean, has_wildcards};
use coracle_spec::Digest;
use fs_err as fs;

use super::error::PlaceError;
use crate::context::{Digests, Listing};
use crate::files::{Files, Node, NodeKind, Root, Rules, matching, resolve, walk};
use crate::ground::View;
use crate::steps::EPOCH;

/// What steps read of the build's context.
#[derive(Debug, Default)]
pub(crate) struct ContextFiles {
    pub(crate) listing: Listing,
    /// What the files were when the steps' keys were made.
    pub(crate) digests: Digests,
}

/// Where files come from.
pub(crate) enum From {
    /// The build's context, and what is known of its files without reading them.
    Context(Arc<ContextFiles>, Root, StatCache),
    /// A root file system of other steps.
    Root(View),
    /// One file that was put on the disk for this.
    Single { root: Root, _file: Scratch },
}

impl From {
    /// Makes the one of a build's context.
    pub(crate) fn context(store: &Store, files: &Arc<ContextFiles>) -> Result<Self, PlaceError> {
        let folder = files.listing.folder();
        let (root, known) = (Root::open(folder)?, StatCache::open(store, folder)?);
        Ok(Self::Context(Arc::clone(files), root, known))
    }

    /// Makes the one of a single file, which is alone in `scratch`.
    pub(crate) fn single(scratch: Scratch) -> io::Result<Self> {
        Ok(Self::Single {
            root: Root::open(scratch.path())?,
            _file: scratch,
        })
    }

    pub(super) fn files(&self) -> &dyn Files {
        match self {
            Self::Context(files, ..) => &files.listing,
            Self::Root(view) => &view.root,
            Self::Single { root, .. } => root,
        }
    }

    pub(super) fn root(&self) -> &Root {
        match self {
            Self::Context(_, root, _) | Self::Single { root, .. } => root,
            Self::Root(view) => &view.root,
        }
    }

    pub(super) fn open(&self, path: &Path) -> io::Result<fs::File> {
        self.root().read(path)
    }

    /// Answers the digest that the file at `path` must have, where it may have changed.
    pub(super) fn expected(&self, path: &Path) -> Option<Digest> {
        match self {
            Self::Context(files, ..) => files.digests.get(path).and_then(|copied| copied.digest),
            Self::Root(_) | Self::Single { .. } => None,
        }
    }

    /// Answers whether the file that was opened at `path` is known to have this digest, without reading it.
    pub(super) fn is_known(&self, path: &Path, file: &fs::File, digest: Digest) -> bool {
        match self {
            Self::Context(_, _, known) => known.known(path, file) == Some(digest),
            Self::Root(_) | Self::Single { .. } => false,
        }
    }

    /// Answers the time of a copy: that of what other steps made says when they made it, which bytecode and build
    /// tools look at; an author's files have none, so that the layer hangs on contents alone.
    pub(super) fn time(&self, node: &Node) -> i64 {
        match self {
            Self::Root(_) => node.mtime,
            Self::Context(..) | Self::Single { .. } => EPOCH,
        }
    }

    pub(super) fn has_attributes(&self) -> bool {
        matches!(self, Self::Root(_))
    }
}

/// What a source means.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Chosen {
    /// The path that the source's pattern found.
    pub(crate) source: PathBuf,
    /// Everything that is copied of it, links in front of it followed.
    pub(crate) paths: Vec<PathBuf>,
}

/// Answers all that `pattern` of `place` means in `files`.
pub(crate) fn chosen(files: &dyn Files, place: &Place, pattern: &str) -> Result<Vec<Chosen>, PlaceError> {
    let rules = rules(place, pattern)?;
    let mut all = Vec::new();
    for source in found(files, place, pattern)? {
        let top = existing(files, &source)?;
        let mut paths = Vec::new();
        walk(files, &top, &rules, &mut |visit| {
            paths.push(visit.path.clone());
            Ok::<_, PlaceError>(())
        })?;
        all.push(Chosen { source, paths });
    }
    Ok(all)
}

/// Answers where `source` leads; it is an error when nothing is there.
pub(super) fn existing(files: &dyn Files, source: &Path) -> Result<PathBuf, PlaceError> {
    let top = resolve(files, source)?;
    match files.node(&top)? {
        Some(node) if node.kind != NodeKind::Other => Ok(top),
        _ => Err(PlaceError::NotFound(shown(source))),
    }
}

fn shown(path: &Path) -> String {
    Path::new("/").join(path).display().to_string()
}

/// Answers what is taken of each folder that `pattern` finds.
pub(super) fn rules(place: &Place, pattern: &str) -> Result<Rules, PlaceError> {
    let include = if place.parents {
        let (_, below) = pivot(pattern);
        Patterns::new([below])?
    } else {
        Patterns::default()
    };
    Ok(Rules {
        include,
        exclude: Patterns::new(&place.exclude)?,
    })
}

/// Answers the paths that `pattern` finds.
pub(super) fn found(files: &dyn Files, place: &Place, pattern: &str) -> Result<Vec<PathBuf>, PlaceError> {
    if !place.parents {
        return not_found(matching(files, pattern), pattern);
    }
    let (top, below) = pivot(pattern);
    if !has_wildcards(top) && !has_wildcards(&below) {
        existing(files, &Path::new(top).join(&below))?;
    }
    not_found(matching(files, top), pattern)
}

fn not_found(found: io::Result<Vec<PathBuf>>, pattern: &str) -> Result<Vec<PathBuf>, PlaceError> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(PlaceError::NotFound(pattern.to_owned()))
        }
        found => Ok(found?),
    }
}

/// Splits a source of `COPY --parents` where it says what stays behind (`/./`): by default, nothing does.
fn pivot(pattern: &str) -> (&str, String) {
    let (top, below) = pattern.split_once("/./").unwrap_or(("/", pattern));
    let below = clean(&format!("/{below}"));
    (top, below.trim_start_matches('/').to_owned())
}
