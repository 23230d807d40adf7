//! The unpacked tree of a layer, before it is in its place.

use coracle_content::{StagedTree, Store, StoreError};
use coracle_spec::Digest;

use crate::tree::TreeWriter;

/// The tree that is made beside the blob.
pub(crate) struct StagedWriter {
    pub(crate) staged: StagedTree,
    pub(crate) writer: TreeWriter,
}

impl StagedWriter {
    pub(crate) fn new(store: &Store) -> Result<Self, StoreError> {
        let staged = store.stage_tree()?;
        let writer =
            TreeWriter::new(staged.path()).map_err(|error| StoreError::io("open", staged.path(), error))?;
        Ok(Self { staged, writer })
    }

    pub(crate) fn commit(self, diff_id: &Digest) -> Result<coracle_content::Tree, StoreError> {
        let Self { staged, writer } = self;
        writer
            .finish()
            .map_err(|error| StoreError::io("finish", staged.path(), error))?;
        staged.commit(diff_id)
    }
}
