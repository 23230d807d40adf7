//! Devices, and what files carry beside their contents.

use fs_err as fs;

use super::super::{Devices, SetId, UnpackPolicy, unpack_with};
use super::archive::Tar;
use super::place::{Place, chain};
use crate::compression::Compression;
use crate::entry::Metadata;
use crate::tar::{Body, encode};

fn device() -> Vec<u8> {
    Tar::default()
        .with("disk", Body::File { size: 0 })
        .kind(b'4')
        .with("null", Body::File { size: 0 })
        .kind(b'3')
        .end()
}

#[test]
fn devices_are_left_out_or_refused() {
    let place = Place::new();
    let tree = place.unpack(&device()).unwrap();
    assert_eq!(fs::read_dir(tree.path()).unwrap().count(), 0);
    let place = Place::new();
    let policy = UnpackPolicy {
        devices: Devices::Refuse,
        ..UnpackPolicy::default()
    };
    let error = unpack_with(&place.store, &place.layer(&device(), Compression::None), &policy).unwrap_err();
    assert!(chain(&error).contains("it is a device"), "{error}");
}

#[test]
fn carried_rights_stay_or_are_stripped() {
    use std::os::unix::fs::PermissionsExt;
    let mut tar = Tar::default();
    let metadata = Metadata {
        xattrs: [("security.capability".to_owned(), capability())].into(),
        ..Metadata::with_mode(0o6755)
    };
    tar.0.extend(encode(b"tool", Body::File { size: 0 }, &metadata));
    let archive = tar.end();
    for (set_id, mode, count) in [(SetId::Keep, 0o6755, 1), (SetId::Strip, 0o755, 0)] {
        let place = Place::new();
        let policy = UnpackPolicy {
            set_id,
            ..UnpackPolicy::default()
        };
        let tree = unpack_with(&place.store, &place.layer(&archive, Compression::None), &policy).unwrap();
        let tool = tree.path().join("tool");
        assert_eq!(fs::metadata(&tool).unwrap().permissions().mode() & 0o7777, mode);
        let size = rustix::fs::lgetxattr(&tool, "security.capability", &mut [0u8; 64]);
        assert_eq!(usize::from(size.is_ok()), count, "{set_id:?}");
    }
}

/// `cap_net_bind_service=ep`, revision 2.
fn capability() -> Vec<u8> {
    let mut value = vec![1, 0, 0, 2, 0, 4, 0, 0];
    value.resize(20, 0);
    value
}

#[test]
fn attributes_of_overlayfs_and_of_the_machine_are_not_taken() {
    let mut tar = Tar::default();
    let names = [
        "trusted.overlay.redirect",
        "user.overlay.opaque",
        "security.selinux",
        "user.mine",
    ];
    let xattrs = names
        .into_iter()
        .map(|name| (name.to_owned(), b"/x".to_vec()))
        .collect();
    tar.0.extend(encode(
        b"d",
        Body::Directory,
        &Metadata {
            xattrs,
            ..Metadata::directory()
        },
    ));
    let place = Place::new();
    let tree = place.unpack(&tar.end()).unwrap();
    let mut found = vec![0u8; 1024];
    let count = rustix::fs::llistxattr(tree.path().join("d"), &mut found).unwrap();
    assert_eq!(String::from_utf8_lossy(&found[..count]), "user.mine\0");
}
