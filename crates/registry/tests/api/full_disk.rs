//! A disk that is full.

use std::path::Path;

use coracle_content::Store;
use coracle_registry::{Limits, Registry, Service, Transfers};
use coracle_spec::Digest;
use http::Request;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use crate::world::send;

/// A small file system of its own.
struct Small(tempfile::TempDir);

impl Small {
    fn mounted() -> Self {
        let folder = tempfile::tempdir().unwrap();
        mount(
            "none",
            folder.path(),
            "tmpfs",
            MountFlags::empty(),
            Some(c"size=4m"),
        )
        .expect("a test of full disks mounts one, as root");
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = unmount(self.0.path(), UnmountFlags::DETACH);
    }
}

#[tokio::test]
async fn a_full_disk_is_said_and_what_it_took_is_given_back() {
    let disk = Small::mounted();
    let store = Store::open(&disk.path().join("store")).unwrap();
    let registry = Registry::open(disk.path(), store.clone(), Limits::default()).unwrap();
    let service = Service::new(registry, Transfers::default());
    let large = vec![7; 6 << 20];
    let path = format!("/v2/a/blobs/uploads/?digest={}", Digest::of(&large));
    let answer = send(&service, Request::post(path), large).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (429, "TOOMANYREQUESTS".to_owned())
    );
    assert!(
        String::from_utf8_lossy(&answer.body).contains("coracle cache gc"),
        "{answer:?}"
    );
    assert_eq!(store.count_uploads().unwrap(), 0);
    let small = vec![7; 1 << 20];
    let path = format!("/v2/a/blobs/uploads/?digest={}", Digest::of(&small));
    assert_eq!(send(&service, Request::post(path), small).await.status, 201);
}
