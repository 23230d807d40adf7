//! Parts on their way to being trees.

use coracle_content::Tree;

use super::error::AssembleError;
use crate::part::Part;
use crate::root::Root;

/// A part's tree: in the store, or complete but for its name.
pub(super) enum Made<'l> {
    Tree(Tree),
    Part(Box<Part<'l>>),
}

impl<'l> Made<'l> {
    pub(super) fn part(&self) -> Option<&Part<'l>> {
        match self {
            Self::Tree(_) => None,
            Self::Part(part) => Some(part),
        }
    }

    pub(super) fn root(&self) -> Result<Root, AssembleError> {
        let path = match self {
            Self::Tree(tree) => tree.path(),
            Self::Part(part) => part.staged().path(),
        };
        Root::open(path).map_err(AssembleError::Tree)
    }
}
