//! What a base is made of, and that it is the same wherever it is made.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use coracle_debian::{Arch, Phase, Progress, Release, Silent};
use coracle_oci::Compression;
use fs_err as fs;

use crate::fake::{PUBLISHED, Suite};
use crate::world::{World, packages, recipe};

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
