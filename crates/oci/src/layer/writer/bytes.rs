//! What entries are written to: the blob, its digests, and the tree.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use coracle_content::StoreError;

use super::LayerWriter;
use crate::layer::{Layer, LayerError};
use crate::path::LayerPath;
use crate::tar::{BLOCK, padding};
use crate::tree::TreeWriter;

const BUFFER: usize = 128 << 10;

/// The contents of a file, and where else they go.
pub(super) struct Contents<'a, R> {
    pub(super) size: u64,
    pub(super) input: R,
    pub(super) copy: Option<&'a mut fs_err::File>,
}

impl LayerWriter {
    pub(super) fn contents(
        &mut self,
        path: &LayerPath,
        mut contents: Contents<'_, impl Read>,
    ) -> Result<(), LayerError> {
        let mut buffer = vec![0; BUFFER.min(usize::try_from(contents.size).unwrap_or(BUFFER) + 1)];
        let mut found = 0;
        loop {
            let count = match contents.input.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => {
                    return Err(LayerError::Read {
                        path: path.clone(),
                        source,
                    });
                }
            };
            found += count as u64;
            if found > contents.size {
                break;
            }
            self.write(&buffer[..count])?;
            if let Some(file) = &mut contents.copy {
                file.write_all(&buffer[..count])
                    .map_err(|error| self.tree_error(path, error))?;
            }
        }
        if found != contents.size {
            return Err(LayerError::Size {
                path: path.clone(),
                expected: contents.size,
                found,
            });
        }
        self.write(&[0; BLOCK][..padding(found)])
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), LayerError> {
        self.diff.update(bytes);
        let written = self.output.write_all(bytes);
        Ok(written.map_err(|error| StoreError::io("write", self.output.path(), error))?)
    }

    /// Does something in the tree, if one is made.
    pub(crate) fn in_tree<T>(
        &mut self,
        path: &LayerPath,
        act: impl FnOnce(&mut TreeWriter) -> io::Result<T>,
    ) -> Result<Option<T>, LayerError> {
        match &mut self.tree {
            None => Ok(None),
            Some(tree) => match act(&mut tree.writer) {
                Ok(value) => Ok(Some(value)),
                Err(error) => Err(self.tree_error(path, error)),
            },
        }
    }

    pub(super) fn tree_error(&self, path: &LayerPath, error: io::Error) -> LayerError {
        let root = self
            .tree
            .as_ref()
            .map_or_else(PathBuf::new, |tree| tree.staged.path().to_owned());
        let source = StoreError::io("write", &root.join(path.as_path()), error);
        LayerError::Tree {
            path: path.clone(),
            source,
        }
    }

    pub(in crate::layer) fn finish(mut self) -> Result<Layer, LayerError> {
        self.write(&[0; 2 * BLOCK])?;
        let diff_id = self.diff.finish();
        let compression = self.output.compression();
        let blob = self.output.commit()?;
        if let Some(tree) = self.tree {
            tree.commit(&diff_id)?;
        }
        Ok(Layer {
            diff_id,
            digest: blob.digest,
            size: blob.size,
            compression,
            note: String::new(),
        })
    }
}
