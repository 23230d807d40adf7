//! What the store promises, on real files.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use coracle_content::{Store, StoreError, remove_tree};
use coracle_spec::{Class, Digest, Failure};
use fs_err as fs;

struct Place {
    base: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            base: tempfile::tempdir().unwrap(),
        }
    }

    fn root(&self) -> PathBuf {
        self.base.path().join("store")
    }

    fn open(&self) -> Store {
        Store::open(&self.root()).unwrap()
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.root().join(folder)).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

fn put_tree(store: &Store, text: &str) -> Digest {
    let staged = store.stage_tree().unwrap();
    fs::create_dir(staged.path().join("d")).unwrap();
    fs::write(staged.path().join("d/f"), text).unwrap();
    let digest = Digest::of(text);
    staged.commit(&digest).unwrap();
    digest
}

#[test]
fn a_blob_is_found_under_its_digest_by_another_process() {
    let place = Place::new();
    let mut writer = place.open().write_blob().unwrap();
    writer.write_all(b"ab").unwrap();
    writer.write_all(b"c").unwrap();
    let blob = writer.commit().unwrap();
    let found = place.open().blob(&Digest::of("abc")).unwrap().unwrap();
    assert_eq!(found, blob);
    assert_eq!((found.size, found.read(3).unwrap()), (3, b"abc".to_vec()));
    assert!(matches!(found.read(2), Err(StoreError::TooLarge { .. })));
    assert!(place.names("scratch").is_empty());
}

#[test]
fn an_unfinished_or_unexpected_blob_leaves_nothing() {
    let place = Place::new();
    let store = place.open();
    let mut dropped = store.write_blob().unwrap();
    dropped.write_all(b"abc").unwrap();
    drop(dropped);
    let mut wrong = store.write_blob().unwrap();
    wrong.write_all(b"abc").unwrap();
    let error = wrong.commit_expecting(&Digest::of("other")).unwrap_err();
    assert!(matches!(error, StoreError::Mismatch { .. }));
    assert!(place.names("blobs/sha256").is_empty());
    assert!(place.names("scratch").is_empty());
}

#[test]
fn a_blob_that_nothing_wrote_is_absent_and_a_needed_one_is_not_found() {
    let place = Place::new();
    let digest = Digest::of("x");
    assert_eq!(place.open().blob(&digest).unwrap(), None);
    assert_eq!(
        place.open().existing_blob(&digest).unwrap_err().class(),
        Class::NotFound
    );
}

#[test]
fn a_record_is_read_as_it_was_written_last() {
    let place = Place::new();
    let key = Digest::of("key");
    assert_eq!(place.open().record::<Vec<u8>>("kind", &key).unwrap(), None);
    place.open().put_record("kind", &key, &vec![1, 2]).unwrap();
    place.open().put_record("kind", &key, &vec![3]).unwrap();
    assert_eq!(
        place.open().record::<Vec<u8>>("kind", &key).unwrap(),
        Some(vec![3])
    );
    assert_eq!(place.open().record::<Vec<u8>>("other", &key).unwrap(), None);
}

#[test]
fn a_torn_record_and_one_of_another_shape_are_absent() {
    let place = Place::new();
    let store = place.open();
    let key = Digest::of("key");
    store.put_record("kind", &key, &vec![1, 2]).unwrap();
    assert_eq!(store.record::<String>("kind", &key).unwrap(), None);
    let path = place.root().join("records/kind").join(key.hex());
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(
            store.record::<Vec<u8>>("kind", &key).unwrap(),
            None,
            "{length} bytes"
        );
    }
}

#[test]
fn a_tree_is_there_when_it_is_committed_and_not_before() {
    let place = Place::new();
    let store = place.open();
    let staged = store.stage_tree().unwrap();
    fs::write(staged.path().join("f"), "x").unwrap();
    assert_eq!(place.open().tree(&Digest::of("t")).unwrap(), None);
    let tree = staged.commit(&Digest::of("t")).unwrap();
    assert_eq!(place.open().tree(&Digest::of("t")).unwrap(), Some(tree.clone()));
    assert_eq!(fs::read_to_string(tree.path().join("f")).unwrap(), "x");
    drop(store.stage_tree().unwrap());
    assert!(place.names("scratch").is_empty());
}

#[test]
fn of_two_equal_trees_the_first_stays() {
    let place = Place::new();
    let store = place.open();
    let (first, second) = (store.stage_tree().unwrap(), store.stage_tree().unwrap());
    fs::write(first.path().join("f"), "first").unwrap();
    fs::write(second.path().join("f"), "second").unwrap();
    let digest = Digest::of("t");
    assert_eq!(first.commit(&digest).unwrap(), second.commit(&digest).unwrap());
    let tree = store.tree(&digest).unwrap().unwrap();
    assert_eq!(fs::read_to_string(tree.path().join("f")).unwrap(), "first");
}

/// Makes the tree's mark one of an earlier boot.
fn reboot(tree: &Path) {
    let mark = tree.parent().unwrap().join("mark");
    let text = fs::read_to_string(&mark).unwrap();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    assert!(text.contains(boot.trim()));
    fs::write(&mark, text.replace(boot.trim(), "earlier")).unwrap();
}

#[test]
fn after_a_reboot_a_whole_tree_stays_and_is_checked_once() {
    let place = Place::new();
    let store = place.open();
    let digest = put_tree(&store, "text");
    let tree = store.tree(&digest).unwrap().unwrap();
    reboot(tree.path());
    assert_eq!(store.tree(&digest).unwrap(), Some(tree.clone()));
    let mark = fs::read_to_string(tree.path().parent().unwrap().join("mark")).unwrap();
    assert!(!mark.contains("earlier"), "{mark}");
}

#[test]
fn after_a_reboot_a_tree_that_lost_anything_is_absent_and_can_be_made_again() {
    let place = Place::new();
    let store = place.open();
    let losses: [fn(&Path); 5] = [
        |tree| fs::write(tree.join("d/f"), "").unwrap(),
        |tree| fs::remove_file(tree.join("d/f")).unwrap(),
        |tree| fs::set_permissions(tree.join("d"), std::fs::Permissions::from_mode(0o700)).unwrap(),
        |tree| fs::write(tree.join("more"), "").unwrap(),
        |tree| fs::remove_file(tree.parent().unwrap().join("mark")).unwrap(),
    ];
    for (number, lose) in losses.into_iter().enumerate() {
        let digest = put_tree(&store, "text");
        let tree = store.tree(&digest).unwrap().unwrap();
        reboot(tree.path());
        lose(tree.path());
        assert_eq!(store.tree(&digest).unwrap(), None, "loss {number}");
        assert!(place.names("trees").is_empty());
    }
    assert!(place.names("scratch").is_empty());
}

#[test]
fn one_at_a_time_holds_a_lock_and_it_leaves_no_file() {
    let place = Place::new();
    let store = place.open();
    let key = Digest::of("key");
    let inside = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let _guard = store.lock("work", &key).unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    inside.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert!(place.names("locks").is_empty());
}

#[test]
fn a_held_lock_is_not_given_twice_and_other_work_goes_on() {
    let place = Place::new();
    let store = place.open();
    let guard = store.try_lock("work", &Digest::of("a")).unwrap();
    assert!(guard.is_some());
    assert!(place.open().try_lock("work", &Digest::of("a")).unwrap().is_none());
    assert!(store.try_lock("work", &Digest::of("b")).unwrap().is_some());
    assert!(store.try_lock("other", &Digest::of("a")).unwrap().is_some());
    drop(guard);
    assert!(store.try_lock("work", &Digest::of("a")).unwrap().is_some());
}

#[test]
fn opening_sweeps_leftovers_and_spares_what_is_in_use() {
    let place = Place::new();
    let store = place.open();
    let scratch = store.scratch().unwrap();
    fs::write(scratch.path().join("mine"), "").unwrap();
    let mut blob = store.write_blob().unwrap();
    blob.write_all(b"abc").unwrap();
    let left = place.root().join("scratch/1-left");
    fs::create_dir_all(left.join("deep/er")).unwrap();
    fs::write(left.join("deep/file"), "").unwrap();
    fs::write(place.root().join("scratch/1-file"), "").unwrap();

    place.open();

    assert!(!left.exists());
    assert_eq!(place.names("scratch").len(), 2);
    assert!(scratch.path().join("mine").exists());
    assert_eq!(blob.commit().unwrap().digest, Digest::of("abc"));
}

#[test]
fn the_store_is_closed_to_others_and_its_parent_is_not_touched() {
    let place = Place::new();
    place.open();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place.root()), 0o700);
    fs::set_permissions(place.root(), std::fs::Permissions::from_mode(0o755)).unwrap();
    place.open();
    assert_eq!(mode(&place.root()), 0o700);
}

#[test]
fn a_store_of_another_version_is_left_alone() {
    let place = Place::new();
    place.open();
    fs::write(place.root().join("VERSION"), "99\n").unwrap();
    let error = Store::open(&place.root()).unwrap_err();
    assert_eq!(error.class(), Class::Conflict);
    assert!(error.to_string().contains("`99`"), "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn cache_directories_have_plain_names() {
    let place = Place::new();
    let store = place.open();
    let pip = store.cache_dir("pip").unwrap();
    assert!(pip.is_dir());
    assert_eq!(store.cache_dir("pip").unwrap(), pip);
    for name in ["", "..", ".", "a/b", "/etc", "ü", ".hidden"] {
        assert_eq!(store.cache_dir(name).unwrap_err().class(), Class::User, "{name}");
    }
}

#[test]
fn a_directory_deeper_than_any_path_is_removed() {
    use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
    let place = tempfile::tempdir().unwrap();
    let top = place.path().join("top");
    fs::create_dir(&top).unwrap();
    let mut here = openat(CWD, &top, OFlags::DIRECTORY, Mode::empty()).unwrap();
    let name = "deeper".repeat(20);
    for _ in 0..100 {
        mkdirat(&here, &name, Mode::RWXU).unwrap();
        drop(openat(&here, "file", OFlags::CREATE, Mode::RUSR).unwrap());
        here = openat(&here, &name, OFlags::DIRECTORY, Mode::empty()).unwrap();
    }
    remove_tree(&top).unwrap();
    assert!(!top.exists());
    remove_tree(&top).unwrap();
}

/// A file system in memory, mounted for the length of a test.
struct Mounted {
    path: PathBuf,
}

impl Mounted {
    fn new(path: &Path, size: &std::ffi::CStr) -> Self {
        use rustix::mount::{MountFlags, mount};
        fs::create_dir_all(path).unwrap();
        mount("tmpfs", path, "tmpfs", MountFlags::empty(), size)
            .expect("mounting needs root: run the tests as root");
        Self {
            path: path.to_owned(),
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = rustix::mount::unmount(&self.path, rustix::mount::UnmountFlags::DETACH);
    }
}

#[test]
fn removal_stops_at_a_mount_point_and_leaves_what_is_mounted() {
    let place = tempfile::tempdir().unwrap();
    let top = place.path().join("top");
    let mounted = Mounted::new(&top.join("mount"), c"size=64k");
    fs::write(mounted.path.join("precious"), "x").unwrap();
    assert!(remove_tree(&top).is_err());
    assert!(mounted.path.join("precious").exists());
    drop(mounted);
    remove_tree(&top).unwrap();
    assert!(!top.exists());
}

#[test]
fn a_leftover_with_a_mount_in_it_does_not_keep_the_store_closed() {
    let place = Place::new();
    place.open();
    let left = place.root().join("scratch/1-left");
    let mounted = Mounted::new(&left.join("mount"), c"size=64k");
    fs::write(mounted.path.join("precious"), "x").unwrap();
    place.open();
    assert!(mounted.path.join("precious").exists());
    drop(mounted);
    place.open();
    assert!(!left.exists());
}

#[test]
fn a_full_disk_is_said_and_leaves_no_partial_content() {
    let place = Place::new();
    let _disk = Mounted::new(&place.root(), c"size=1m");
    let store = place.open();
    let kept = store.put_blob(b"small").unwrap();

    let big = vec![7; 2 << 20];
    let error = store.put_blob(&big).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert_eq!(error.class(), Class::Busy);
    let root = place.root().canonicalize().unwrap();
    assert!(error.to_string().contains(root.to_str().unwrap()), "{error}");
    assert!(error.hint().unwrap().contains("free space"));
    let error = store.put_record("kind", &kept.digest, &big).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");

    assert_eq!(place.names("blobs/sha256"), [kept.digest.hex()]);
    assert!(place.names("scratch").is_empty());
    assert_eq!(store.record::<Vec<u8>>("kind", &kept.digest).unwrap(), None);
    store.put_blob(b"after").unwrap();
}
