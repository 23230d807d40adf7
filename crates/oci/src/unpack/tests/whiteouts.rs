//! Marks that hide what lower layers have.

use fs_err as fs;

use super::archive::Tar;
use super::place::Place;

#[test]
fn whiteouts_hide_what_is_below_and_spare_what_is_beside() {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let archive = Tar::default()
        .file("d/.wh.gone", "")
        .file("d/.wh.replaced", "")
        .file("d/replaced", "new")
        .file("d/also", "new")
        .file("d/.wh.also", "")
        .file(".wh.dir", "")
        .file("dir/f", "new")
        .file("opaque/f", "new")
        .file("opaque/.wh..wh..opq", "")
        .file(".wh..wh.plnk/1.2", "")
        .end();
    let place = Place::new();
    let tree = place.unpack(&archive).unwrap();
    let gone = fs::symlink_metadata(tree.path().join("d/gone")).unwrap();
    assert!(gone.file_type().is_char_device() && gone.rdev() == 0);
    for kept in ["d/replaced", "d/also", "dir/f", "opaque/f"] {
        assert_eq!(
            fs::read_to_string(tree.path().join(kept)).unwrap(),
            "new",
            "{kept}"
        );
    }
    let mut value = [0u8; 8];
    for directory in ["dir", "opaque"] {
        let count =
            rustix::fs::lgetxattr(tree.path().join(directory), "trusted.overlay.opaque", &mut value).unwrap();
        assert_eq!(&value[..count], b"y", "{directory}");
    }
    assert_eq!(fs::read_dir(tree.path()).unwrap().count(), 3);
}
