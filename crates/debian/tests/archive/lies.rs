//! What happens when the archive lies.

use coracle_debian::{AssembleError, Silent, SnapshotError};
use coracle_oci::Compression;
use coracle_spec::{Class, Digest, Failure as _};

use crate::fake::{File, PUBLISHED, Suite};
use crate::signer::Signer;
use crate::world::{DAY, World, packages, recipe};

#[test]
fn a_package_file_that_was_altered_is_refused() {
    let world = World::new();
    let lock = world.lock();
    let path = "/debian/pool/main/app_1.0-1_amd64.deb";
    let mut bytes = world.files.get(path);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    world.files.put(path, bytes);
    let error = world
        .debian()
        .layers(&lock, Compression::Zstd, &Silent)
        .expect_err("is refused");
    assert!(
        matches!(&error, AssembleError::Fetch { package, .. } if package == "app"),
        "{error:?}"
    );
    assert_eq!(error.class(), Class::Unavailable);
    assert!(!error.is_stale_lock());
}

#[test]
fn a_list_that_was_altered_is_refused() {
    let world = World::new();
    let path = world
        .files
        .ending("")
        .into_iter()
        .find(|path| path.contains("/trixie/") && path.contains("by-hash"));
    let path = path.expect("a list");
    let mut bytes = world.files.get(&path);
    bytes[20] ^= 1;
    world.files.put(&path, bytes);
    let error = world.snapshot_error();
    assert!(
        matches!(&error, SnapshotError::Fetch { suite, .. } if suite == "trixie"),
        "{error:?}"
    );
    assert_eq!(error.class(), Class::Unavailable);
}

#[test]
fn a_release_file_that_was_altered_or_signed_by_another_is_refused() {
    let world = World::new();
    let suite = Suite::named("trixie");
    let genuine = String::from_utf8(world.files.get(&suite.in_release())).expect("text");
    let forgeries = [
        genuine.replace("Origin: Debian", "Origin: Devian"),
        genuine.replace(
            "SHA256:\n",
            &format!(
                "SHA256:\n {} 1 main/binary-amd64/Packages.xz\n",
                Digest::of("x").hex()
            ),
        ),
        format!("Date: Fri, 20 Nov 2026 00:00:00 UTC\n\n{genuine}"),
        format!("{genuine}\nCodename: trixie\n"),
        String::new(),
    ];
    for forgery in forgeries {
        world.files.put(&suite.in_release(), forgery);
        let error = world.snapshot_error();
        assert!(
            matches!(&error, SnapshotError::Signature { suite, .. } if suite == "trixie"),
            "{error:?}"
        );
        assert!(error.hint().expect("a hint").contains("mirror"));
    }
    suite.publish(&world.files, &Signer::new(), &packages());
    assert!(matches!(world.snapshot_error(), SnapshotError::Signature { .. }));
    world.files.put(&suite.in_release(), genuine);
    world.lock();
}

#[test]
fn the_release_file_of_another_suite_is_refused() {
    let world = World::new();
    Suite {
        codename: "bookworm",
        ..Suite::named("trixie")
    }
    .publish(&world.files, &world.signer, &packages());
    let error = world.snapshot_error();
    assert!(
        matches!(&error, SnapshotError::OtherSuite { found, .. } if found == "bookworm"),
        "{error:?}"
    );
}

#[test]
fn a_release_file_past_its_time_is_refused() {
    let world = World::new();
    let updates = Suite::named("trixie-updates");
    let valid = Suite {
        valid_until: Some(PUBLISHED + 2 * DAY),
        ..updates
    };
    valid.publish(&world.files, &world.signer, &[]);
    world.lock();
    let expired = Suite {
        valid_until: Some(PUBLISHED + DAY / 2),
        ..updates
    };
    expired.publish(&world.files, &world.signer, &[]);
    let error = world.snapshot_error();
    assert!(
        matches!(&error, SnapshotError::Expired { suite, .. } if suite == "trixie-updates"),
        "{error:?}"
    );
    assert!(error.hint().expect("a hint").contains("clock"));
}

#[test]
fn a_release_file_older_than_one_seen_before_is_refused() {
    let world = World::new();
    let (old, new) = (
        Suite::named("trixie"),
        Suite {
            date: PUBLISHED + 60,
            ..Suite::named("trixie")
        },
    );
    world.lock();
    new.publish(&world.files, &world.signer, &packages());
    world.lock();
    old.publish(&world.files, &world.signer, &packages());
    let error = world.snapshot_error();
    assert!(
        matches!(&error, SnapshotError::Replayed { suite, .. } if suite == "trixie"),
        "{error:?}"
    );
    assert_eq!(error.class(), Class::Unavailable);
    let elsewhere = world.debian_in("elsewhere");
    assert!(
        elsewhere.lock(&recipe(&["app"]), &Silent).is_ok(),
        "who never saw the newer one cannot know"
    );
}

#[test]
fn a_package_that_would_write_elsewhere_is_refused() {
    for files in [
        vec![
            File::Link("./usr/evil", "/tmp"),
            File::Text("./usr/evil/x", "out"),
        ],
        vec![
            File::Link("./usr/evil", "../../../.."),
            File::Folder("./usr/evil/x/", 0o755),
        ],
        vec![File::HardLink("./usr/evil", "../../../../etc/hostname")],
    ] {
        let world = World::new();
        let mut packages = packages();
        packages[12].files = files;
        Suite {
            date: PUBLISHED + 60,
            ..Suite::named("trixie")
        }
        .publish(&world.files, &world.signer, &packages);
        let error = world
            .debian()
            .layers(&world.lock(), Compression::Zstd, &Silent)
            .expect_err("is refused");
        assert!(
            matches!(&error, AssembleError::Package { package, .. } if package == "libapp"),
            "{error:?}"
        );
    }
}
