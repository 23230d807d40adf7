//! An archive of sources: unpacked, and looked at from outside.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use coracle_oci::{UnpackLimits, unpack_source};
use coracle_spec::ByteSize;
use fs_err as fs;

/// An archive of a source folder, as somebody sends it to be built.
///
/// # Panics
/// When something was written beside the folder that it is unpacked to, or carries rights that no source has.
#[expect(clippy::unwrap_used, reason = "a fuzz target has no other way to complain")]
pub fn archive(input: &[u8]) {
    let place = crate::place();
    let root = place.path().join("root");
    fs::create_dir(&root).unwrap();
    let limits = UnpackLimits {
        entries: 1000,
        bytes: ByteSize::mebibytes(8),
    };
    if let Err(error) = unpack_source(input, &root, &limits) {
        drop(error.to_string());
    }
    let beside = fs::read_dir(place.path()).unwrap().count();
    assert_eq!(beside, 1, "something was written outside");
    check(&root);
}

/// Looks at all that was unpacked.
#[expect(clippy::unwrap_used, reason = "a fuzz target has no other way to complain")]
pub(crate) fn check(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let found = fs::symlink_metadata(&path).unwrap();
        assert!(
            found.is_dir() || found.is_file() || found.is_symlink(),
            "{}",
            path.display()
        );
        assert_eq!(found.permissions().mode() & 0o6000, 0, "{}", path.display());
        if found.is_dir() {
            check(&path);
        }
    }
}
