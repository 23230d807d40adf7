//! Layers of anything.

use coracle_oci::{LayerError, LayerWriter, Metadata};
use proptest::prelude::*;

use super::{EPOCH, both_trees};

#[derive(Debug, Clone)]
enum Thing {
    Directory,
    File(Vec<u8>),
    Symlink(String),
    HardLink(usize),
    Whiteout,
}

fn things() -> impl Strategy<Value = Vec<(String, Thing, u32, i64)>> {
    let name = prop_oneof![4 => "[a-c]", 1 => "[a-zA-Z0-9 _.é-]{1,120}x"];
    let path = prop::collection::vec(name, 1..5).prop_map(|names| names.join("/"));
    let thing = prop_oneof![
        2 => Just(Thing::Directory),
        4 => prop::collection::vec(any::<u8>(), 0..1500).prop_map(Thing::File),
        1 => "[a-z/.]{1,150}".prop_map(Thing::Symlink),
        1 => any::<usize>().prop_map(Thing::HardLink),
        1 => Just(Thing::Whiteout),
    ];
    prop::collection::vec((path, thing, 0u32..0o10000, -5i64..2 * EPOCH), 0..25)
}

/// Adds what can be added; what does not fit what is there already is left out.
fn add(layer: &mut LayerWriter, things: &[(String, Thing, u32, i64)]) -> Result<(), LayerError> {
    let mut files = Vec::new();
    for (path, thing, mode, mtime) in things {
        let metadata = Metadata {
            mtime: *mtime,
            uid: *mode,
            ..Metadata::with_mode(*mode)
        };
        let added = match thing {
            Thing::Directory => layer.directory(path, &metadata),
            Thing::File(contents) => layer.bytes(path, &metadata, contents).map(|()| files.push(path)),
            Thing::Symlink(target) => layer.symlink(path, target, &metadata),
            Thing::HardLink(_) if files.is_empty() => Ok(()),
            Thing::HardLink(which) => layer.hard_link(path, files[which % files.len()]),
            Thing::Whiteout if layer.contains(path) => Ok(()),
            Thing::Whiteout => layer.whiteout(path),
        };
        match added {
            Err(LayerError::Duplicate { .. } | LayerError::NotInDirectory { .. }) => {}
            result => result?,
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_layer_unpacks_to_the_tree_that_was_made_beside_it(things in things()) {
        let (beside, unpacked) = both_trees(|layer| add(layer, &things));
        prop_assert!(beside == unpacked, "{:?}", beside.iter().find(|(path, seen)| unpacked.get(*path) != Some(*seen)));
    }
}
