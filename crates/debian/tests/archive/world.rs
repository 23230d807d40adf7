//! An archive in memory, the packages in it, and somebody who makes bases of it.

use std::path::PathBuf;
use std::time::Duration;

use coracle_content::Store;
use coracle_debian::{
    Arch, Archive, BaseLock, Debian, Keyring, Kind, LockError, Recipe, Release, Silent, SnapshotError,
};
use coracle_fetch::{FetchConfig, Fetcher};
use jiff::Timestamp;
use tempfile::TempDir;

use crate::fake::{File, Files, PUBLISHED, Package, Suite};
use crate::server::Server;
use crate::signer::Signer;

pub(crate) const DAY: u32 = 24 * 60 * 60;

/// An archive, the server it is on, and somebody who makes bases of it.
pub(crate) struct World {
    pub(crate) files: Files,
    pub(crate) signer: Signer,
    pub(crate) server: Server,
    pub(crate) data: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
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

    pub(crate) fn debian(&self) -> Debian {
        self.debian_in("data")
    }

    pub(crate) fn debian_in(&self, folder: &str) -> Debian {
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

    pub(crate) fn lock(&self) -> BaseLock {
        self.debian().lock(&recipe(&["app"]), &Silent).expect("locks")
    }

    pub(crate) fn snapshot_error(&self) -> SnapshotError {
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
    pub(crate) fn find(&self, lock: &BaseLock, path: &str) -> PathBuf {
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

pub(crate) fn recipe(packages: &[&str]) -> Recipe {
    let packages = packages.iter().map(ToString::to_string).collect();
    Recipe {
        release: Release::Trixie,
        arch: Arch::Amd64,
        kind: Kind::Runtime,
        packages,
    }
}

pub(crate) fn packages() -> Vec<Package> {
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
