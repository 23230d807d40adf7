//! Files that the plan itself holds.

use coracle_content::Store;
use coracle_oci::{Layer, LayerError, Metadata, write_layer};
use coracle_plan::{Write, Written};

use super::{EPOCH, layer_options};

/// Makes a layer of what the plan says.
pub(crate) fn write(store: &Store, write: &Write) -> Result<Layer, LayerError> {
    write_layer(store, &layer_options(), |layer| {
        write.files.iter().try_for_each(|written| match written {
            Written::File { path, mode, contents } => {
                let metadata = Metadata {
                    mtime: EPOCH,
                    ..Metadata::with_mode(*mode)
                };
                layer.bytes(relative(path), &metadata, contents)
            }
            Written::Link { path, target } => layer.symlink(
                relative(path),
                target,
                &Metadata {
                    mtime: EPOCH,
                    ..Metadata::symlink()
                },
            ),
        })
    })
}

fn relative(path: &str) -> &str {
    path.trim_start_matches('/')
}
