//! A whole archive in memory: what comes out of it, and what happens when it lies.

#[path = "../../fetch/tests/support/mod.rs"]
#[expect(
    dead_code,
    reason = "written for the tests of downloads, which need more of it"
)]
mod server;

#[path = "support/fake.rs"]
mod fake;
#[path = "support/signer.rs"]
#[expect(
    dead_code,
    reason = "written for the tests of signatures, which need more of it"
)]
mod signer;

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::time::Duration;

use coracle_content::Store;
use coracle_debian::{
    Arch, Archive, AssembleError, BaseLock, ClosureError, Debian, Keyring, Kind, LockError, Phase, Progress,
    Recipe, Release, Silent, SnapshotError,
};
use coracle_fetch::{FetchConfig, Fetcher};
use coracle_oci::Compression;
use coracle_spec::{Class, Digest, Failure};
use fake::{File, Files, PUBLISHED, Package, Suite};
use fs_err as fs;
use jiff::Timestamp;
use server::Server;
use signer::Signer;
use tempfile::TempDir;

const DAY: u32 = 24 * 60 * 60;

/// An archive, the server it is on, and somebody who makes bases of it.
struct World {
    files: Files,
    signer: Signer,
    server: Server,
    data: TempDir,
}

impl World {
    fn new() -> Self {
        let (files, signer) = (Files::default(), Signer::new());
        Suite::named("trixie").publish(&files, &signer, &packages());
        Suite::named("trixie-updates").publish(&files, &signer, &[]);
        Suite::named("trixie-security").publish(&files, &signer, &[]);
        let data = tempfile::tempdir().expect("a temporary directory");
        Self {
            server: files.serve(),
            files,
            signer,
            data,
        }
    }

    fn debian(&self) -> Debian {
        self.debian_in("data")
    }

    fn debian_in(&self, folder: &str) -> Debian {
        let store = Store::open(&self.data.path().join(folder)).expect("opens a store");
        let config = FetchConfig {
            attempts: 2,
            backoff: Duration::from_millis(1),
            ..FetchConfig::default()
        };
        let fetcher = Fetcher::new(config).expect("makes a fetcher");
        let archive = Archive::at(&self.server.url("")).expect("an archive");
        let keyring = Keyring::from_bytes(&self.signer.key()).expect("a keyring");
        Debian::new(store, fetcher, archive)
            .trusting(keyring)
            .with_clock(now)
    }

    fn lock(&self) -> BaseLock {
        self.debian().lock(&recipe(&["app"]), &Silent).expect("locks")
    }

    fn snapshot_error(&self) -> SnapshotError {
        match self
            .debian()
            .lock(&recipe(&["app"]), &Silent)
            .expect_err("is refused")
        {
            LockError::Snapshot(error) => error,
            other => panic!("{other:?}"),
        }
    }

    /// Answers where a file of a locked base is, the upper tree first.
    fn find(&self, lock: &BaseLock, path: &str) -> PathBuf {
        let trees = self.debian().trees(lock, &Silent).expect("has trees");
        let found = trees.iter().rev().map(|tree| tree.path().join(path));
        found
            .into_iter()
            .find(|path| path.symlink_metadata().is_ok())
            .unwrap_or_else(|| panic!("`{path}` is there"))
    }
}

/// The day after the archive was published.
fn now() -> Timestamp {
    Timestamp::from_second(i64::from(PUBLISHED + DAY)).expect("a time")
}

fn recipe(packages: &[&str]) -> Recipe {
    let packages = packages.iter().map(ToString::to_string).collect();
    Recipe {
        release: Release::Trixie,
        arch: Arch::Amd64,
        kind: Kind::Runtime,
        packages,
    }
}

fn packages() -> Vec<Package> {
    let passwd = "root:*:0:0:root:/root:/bin/bash\nmail:*:8:8:mail:/var/mail:/usr/sbin/nologin\n";
    vec![
        Package::new(
            "base-files",
            vec![
                File::Folder("./var/lock/", 0o755),
                File::Folder("./root/", 0o700),
                File::Link("./bin", "usr/bin"),
            ],
        ),
        Package::new(
            "base-passwd",
            vec![
                File::Text("./usr/share/base-passwd/passwd.master", passwd),
                File::Text("./usr/share/base-passwd/group.master", "root:*:0:\n"),
            ],
        ),
        Package::new("netbase", vec![]),
        Package::new(
            "tzdata",
            vec![File::Text("./usr/share/zoneinfo/Etc/UTC", "TZif2")],
        ),
        Package {
            fields: "Depends: openssl\n",
            ..Package::new(
                "ca-certificates",
                vec![
                    File::Text("./usr/share/ca-certificates/mozilla/B.crt", "second\n"),
                    File::Text("./usr/share/ca-certificates/mozilla/A.crt", "first"),
                ],
            )
        },
        Package::new("media-types", vec![]),
        Package::new(
            "libc6",
            vec![
                File::Text("./lib64/ld.so", "loader"),
                File::Text("./lib/libc.so.6", "libc"),
            ],
        ),
        Package::new("libgcc-s1", vec![]),
        Package::new("libstdc++6", vec![]),
        Package::new("zlib1g", vec![]),
        Package::new("libssl3t64", vec![]),
        Package {
            fields: "Depends: libapp (>= 1.0), debconf\n",
            postinst: "#!/bin/sh\nupdate-alternatives --install /usr/bin/run run /bin/app 1\nrm -rf /\n",
            ..Package::new(
                "app",
                vec![
                    File::Folder("./bin/", 0o755),
                    File::Program("./bin/app", "#!/bin/app"),
                    File::HardLink("./bin/app-too", "./bin/app"),
                    File::Text("./usr/share/doc/app/copyright", "licence"),
                    File::Text("./usr/share/doc/app/changelog", "long"),
                    File::Text("./usr/share/man/man1/app.1", "manual"),
                    File::Text("./etc/clash", "from app"),
                ],
            )
        },
        Package::new(
            "libapp",
            vec![
                File::Text("./etc/clash", "from libapp"),
                File::Folder("./var/app/", 0o1770),
            ],
        ),
        Package {
            fields: "Depends: missing\n",
            ..Package::new("broken", vec![])
        },
    ]
}

#[test]
fn a_base_has_what_its_packages_and_their_scripts_would_have_made() {
    let world = World::new();
    let lock = world.lock();
    assert_eq!(lock.shared.len(), 11);
    let names: Vec<_> = lock
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    assert_eq!(names, ["app", "libapp"]);
    let read = |path: &str| fs::read_to_string(world.find(&lock, path)).expect("reads");
    let link = |path: &str| {
        fs::read_link(world.find(&lock, path))
            .expect("a link")
            .to_string_lossy()
            .into_owned()
    };
    let mode = |path: &str| {
        fs::metadata(world.find(&lock, path))
            .expect("is there")
            .permissions()
            .mode()
            & 0o7777
    };

    assert_eq!(read("etc/ssl/certs/ca-certificates.crt"), "first\nsecond\n");
    assert!(read("etc/passwd").starts_with("root:x:0:0:root:/root:/usr/sbin/nologin\nmail:x:8:8:"));
    assert!(read("etc/passwd").ends_with("nonroot:x:65532:65532:nonroot:/home/nonroot:/usr/sbin/nologin\n"));
    assert!(read("etc/nsswitch.conf").contains("hosts: files dns\n"));
    assert_eq!(
        fs::metadata(world.find(&lock, "home/nonroot"))
            .expect("is there")
            .uid(),
        65532
    );
    assert_eq!(
        (mode("tmp"), mode("run/lock"), mode("root"), mode("var/app")),
        (0o1777, 0o1777, 0o700, 0o1770)
    );
    assert_eq!(
        (link("bin"), link("lib64"), link("var/lock")),
        (
            "usr/bin".to_owned(),
            "usr/lib64".to_owned(),
            "/run/lock".to_owned()
        )
    );
    assert_eq!(read("usr/lib64/ld.so"), "loader");
    assert_eq!(
        (mode("usr/bin/app"), read("usr/bin/app-too").as_str()),
        (0o755, "#!/bin/app")
    );
    let inode = |path: &str| fs::metadata(world.find(&lock, path)).expect("is there").ino();
    assert_eq!(inode("usr/bin/app"), inode("usr/bin/app-too"));
    assert_eq!(link("usr/bin/run"), "/bin/app");
    assert_eq!(read("usr/share/doc/app/copyright"), "licence");
    assert!(
        read("var/lib/dpkg/status.d/app")
            .starts_with("Package: app\nStatus: install ok installed\nVersion: ")
    );
    assert_eq!(read("etc/clash"), "from app", "the first package by name has it");
    let upper = world
        .find(&lock, "usr/bin/app")
        .parent()
        .expect("a folder")
        .join("../..");
    assert!(!upper.join("usr/share/man").exists() && !upper.join("usr/share/doc/app/changelog").exists());
    let time = fs::metadata(world.find(&lock, "usr/bin/app"))
        .expect("is there")
        .mtime();
    assert_eq!(time, 1_700_000_000, "the package's own time");
}

#[test]
fn the_same_lock_gives_the_same_layers_without_reading_the_archives_lists() {
    let world = World::new();
    let lock = world.lock();
    let first = world
        .debian()
        .layers(&lock, Compression::Zstd, &Silent)
        .expect("assembles");
    let asked = world.server.requests().len();
    assert_eq!(
        world
            .debian()
            .layers(&lock, Compression::Zstd, &Silent)
            .expect("knows"),
        first
    );
    assert_eq!(
        world.server.requests().len(),
        asked,
        "what the store has is not asked for"
    );
    for path in world.files.ending("/InRelease") {
        world.files.take(&path);
    }
    for attempt in 0..5 {
        let debian = world.debian_in(&format!("elsewhere-{attempt}"));
        assert_eq!(
            debian
                .layers(&lock, Compression::Zstd, &Silent)
                .expect("assembles"),
            first
        );
    }
    let plain = world
        .debian()
        .layers(&lock, Compression::None, &Silent)
        .expect("compresses otherwise");
    let contents =
        |layers: &[coracle_oci::Layer]| layers.iter().map(|layer| layer.diff_id).collect::<Vec<_>>();
    assert_eq!(contents(&plain), contents(&first));
}

#[test]
fn bases_share_their_lower_layer_and_a_builders_root_stands_on_it() {
    let world = World::new();
    let snapshot = world
        .debian()
        .snapshot(Release::Trixie, Arch::Amd64, &Silent)
        .expect("reads");
    let layers = |packages: &[&str]| {
        let lock = snapshot.lock(&recipe(packages)).expect("locks");
        world
            .debian()
            .layers(&lock, Compression::Gzip, &Silent)
            .expect("assembles")
    };
    let (bare, lib, app) = (layers(&[]), layers(&["libapp"]), layers(&["app"]));
    assert_eq!((bare.len(), lib.len(), app.len()), (1, 2, 2));
    assert!(bare[0] == lib[0] && lib[0] == app[0] && lib[1] != app[1]);
    let trees = world
        .debian()
        .trees(&snapshot.lock(&recipe(&["app"])).expect("locks"), &Silent)
        .expect("has");
    let digests: Vec<_> = trees.iter().map(|tree| *tree.digest()).collect();
    assert_eq!(digests, [app[0].diff_id, app[1].diff_id]);
}

#[test]
fn trees_without_layers_have_the_same_contents() {
    let world = World::new();
    let lock = world.lock();
    world.debian().trees(&lock, &Silent).expect("assembles");
    let from_trees = world
        .debian()
        .layers(&lock, Compression::Zstd, &Silent)
        .expect("captures");
    let at_once = world
        .debian_in("elsewhere")
        .layers(&lock, Compression::Zstd, &Silent)
        .expect("assembles");
    assert_eq!(from_trees, at_once);
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
fn what_a_script_would_have_done_besides_is_reported() {
    #[derive(Default)]
    struct Missed(std::sync::Mutex<Vec<(String, &'static str)>>);
    impl Progress for Missed {
        fn started(&self, _phase: Phase, _total: u64) {}

        fn advanced(&self, _phase: Phase, _bytes: u64) {}

        fn missed(&self, package: &str, effect: &'static str) {
            self.0
                .lock()
                .expect("is not poisoned")
                .push((package.to_owned(), effect));
        }
    }
    let world = World::new();
    let mut packages = packages();
    packages[12].postinst = "#!/bin/sh\nadduser --system app\n";
    Suite {
        date: PUBLISHED + 60,
        ..Suite::named("trixie")
    }
    .publish(&world.files, &world.signer, &packages);
    let missed = Missed::default();
    world.debian().trees(&world.lock(), &missed).expect("assembles");
    assert_eq!(
        *missed.0.lock().expect("is not poisoned"),
        [("libapp".to_owned(), "makes users")]
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

#[test]
fn two_at_once_make_one_base() {
    let world = World::new();
    let lock = world.lock();
    let layers = std::thread::scope(|scope| {
        let make = || {
            scope.spawn(|| {
                world
                    .debian()
                    .layers(&lock, Compression::Zstd, &Silent)
                    .expect("assembles")
            })
        };
        let threads: Vec<_> = (0..4).map(|_| make()).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("ends"))
            .collect::<Vec<_>>()
    });
    assert!(layers.windows(2).all(|pair| pair[0] == pair[1]));
    let fetched = world
        .server
        .requests()
        .iter()
        .filter(|request| request.target.contains("/pool/"))
        .count();
    assert_eq!(
        fetched,
        lock.shared.len() + lock.packages.len(),
        "each file is fetched once"
    );
}
