//! What is chosen from the archive's lists, and when it is chosen anew.

use coracle_debian::{AssembleError, ClosureError, LockError, Silent, SnapshotError};
use coracle_oci::Compression;
use coracle_spec::{Class, Failure as _};
use fs_err as fs;

use crate::fake::{PUBLISHED, Package, Suite};
use crate::world::{World, packages, recipe};

#[test]
fn a_security_update_wins_over_the_release() {
    let world = World::new();
    let fixed = Package {
        version: "1.0-1+deb13u1",
        ..Package::new("libapp", vec![])
    };
    let security = Suite::named("trixie-security");
    security.publish(&world.files, &world.signer, &[fixed]);
    let bytes = world
        .files
        .take("/debian/pool/main/libapp_1.0-1+deb13u1_amd64.deb");
    world
        .files
        .put("/debian-security/pool/main/libapp_1.0-1+deb13u1_amd64.deb", bytes);
    let lock = world.lock();
    assert_eq!(lock.packages[1].version.as_str(), "1.0-1+deb13u1");
    world
        .debian()
        .layers(&lock, Compression::Zstd, &Silent)
        .expect("fetches it from the other tree");
}

#[test]
fn a_locked_file_that_is_gone_is_an_error_of_its_own_and_locking_anew_helps() {
    let world = World::new();
    let lock = world.lock();
    world.files.take("/debian/pool/main/libapp_1.0-1_amd64.deb");
    let error = world
        .debian()
        .layers(&lock, Compression::Zstd, &Silent)
        .expect_err("is gone");
    assert!(
        matches!(&error, AssembleError::Gone { package, .. } if package == "libapp"),
        "{error:?}"
    );
    assert!(error.is_stale_lock() && error.class() == Class::Conflict);
    assert!(error.hint().expect("a hint").contains("--locked"));

    let mut packages = packages();
    packages[12].version = "1.0-2";
    Suite {
        date: PUBLISHED + 60,
        ..Suite::named("trixie")
    }
    .publish(&world.files, &world.signer, &packages);
    let anew = world.lock();
    assert_eq!(anew.packages[1].version.as_str(), "1.0-2");
    assert!(anew.epoch() > lock.epoch());
    world
        .debian()
        .layers(&anew, Compression::Zstd, &Silent)
        .expect("assembles");
}

#[test]
fn packages_that_do_not_exist_or_cannot_be_had_are_the_users_mistake() {
    let world = World::new();
    for (package, expected) in [
        (
            "nothing",
            ClosureError::Unknown {
                name: "nothing".to_owned(),
            },
        ),
        (
            "broken",
            ClosureError::Unmet {
                package: "broken".to_owned(),
                dependency: "missing".to_owned(),
            },
        ),
    ] {
        let error = world
            .debian()
            .lock(&recipe(&[package]), &Silent)
            .expect_err("does not resolve");
        assert_eq!(error.class(), Class::User);
        assert!(matches!(error, LockError::Closure(error) if error == expected));
    }
}

#[test]
fn choosing_again_from_the_same_lists_does_not_read_them_again() {
    let world = World::new();
    let lock = world.lock();
    let blobs = world.data.path().join("data/blobs/sha256");
    for suite in &lock.suites {
        fs::write(blobs.join(suite.packages.hex()), "nothing that can be read").expect("writes");
    }
    assert_eq!(world.lock(), lock);
    let other = world
        .debian()
        .lock(&recipe(&["libapp"]), &Silent)
        .expect_err("cannot read the lists");
    assert!(
        matches!(other, LockError::Snapshot(SnapshotError::Read { .. })),
        "{other:?}"
    );
}

#[test]
fn a_mirror_without_files_by_hash_is_read_all_the_same() {
    let world = World::new();
    for path in world
        .files
        .ending("")
        .into_iter()
        .filter(|path| path.contains("/by-hash/"))
    {
        let folder = path.split("by-hash").next().expect("a folder").to_owned();
        let bytes = world.files.take(&path);
        world.files.put(&format!("{folder}Packages.xz"), bytes);
    }
    world.lock();
}

#[test]
fn a_mirror_that_lacks_a_suite_and_one_that_is_down_are_told_apart() {
    let world = World::new();
    world.files.take(&Suite::named("trixie-security").in_release());
    let error = world.snapshot_error();
    assert!(
        matches!(&error, SnapshotError::Fetch { suite, source } if suite == "trixie-security" && source.is_not_found())
    );
    let debian = world.debian();
    drop(world.server);
    let error = debian.lock(&recipe(&["app"]), &Silent).expect_err("is down");
    assert_eq!(error.class(), Class::Unavailable);
    assert!(error.hint().expect("a hint").contains("network"), "{error:?}");
}
