//! Kills a process with signal 9 at many points of its work on a store, and checks that everything visible is whole.
//!
//! The process writes a byte before each thing it does; the check kills it after a number of them, a larger one
//! each time, so that no point is waited for and many are met.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use coracle_content::{Extent, Limits, Roots, RootsError, Store};
use coracle_spec::Digest;
use fs_err as fs;

const POINTS: usize = 60;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.as_slice() {
        [_, role, root] if role == "work" => work(Path::new(root)),
        [_, role, root] if role == "collect" => collect(Path::new(root)),
        _ => check(),
    }
}

fn check() {
    let base = tempfile::tempdir().unwrap();
    let root = base.path().join("store");
    let mut made = 0;
    for point in 0..POINTS {
        kill_after(&root, if point % 2 == 0 { "work" } else { "collect" }, point);
        let store = Store::open(&root).unwrap();
        made += check_blobs(&root);
        check_trees(&store, &root);
        check_records(&store, &root);
        check_nothing_is_held(&store, &root);
    }
    assert!(
        made > POINTS,
        "only {made} blobs were made: the kills came too early to show anything"
    );
}

fn kill_after(root: &Path, role: &str, point: usize) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg(role)
        .arg(root)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for(&mut child, point);
    child.kill().unwrap();
    child.wait().unwrap();
}

fn wait_for(child: &mut Child, point: usize) {
    let mut steps = vec![0; point + 1];
    child.stdout.as_mut().unwrap().read_exact(&mut steps).unwrap();
}

/// Makes blobs, trees and records until it is killed.
fn work(root: &Path) {
    let store = Store::open(root).unwrap();
    for round in 0.. {
        let text = format!("{}-{round}-", std::process::id()).repeat(2_000);
        let key = Digest::of(&text);
        let _guard = store.lock("work", &Digest::of("one")).unwrap();
        let lease = store.lease().unwrap();
        step();
        write_blob(&store, &text);
        lease.keep(&key).unwrap();
        write_tree(&store, &text);
        step();
        store.put_record("text", &key, &text).unwrap();
    }
}

/// Makes trees, blobs and records and collects them again, until it is killed.
fn collect(root: &Path) {
    let store = Store::open(root).unwrap();
    let limits = Limits {
        bytes: Some(150_000),
        unused: None,
    };
    for round in 0.. {
        let text = format!("{}-{round}-", std::process::id()).repeat(2_000);
        write_blob(&store, &text);
        write_tree(&store, &text);
        store.put_record("text", &Digest::of(&text), &text).unwrap();
        store.collect(&Watched, &limits, Extent::Whole).unwrap();
    }
}

/// No images; being asked for them, with the gate shut, is a step too.
struct Watched;

impl Roots for Watched {
    fn images(&self) -> Result<Vec<Digest>, RootsError> {
        step();
        Ok(Vec::new())
    }
}

fn step() {
    std::io::stdout().write_all(b".").unwrap();
    std::io::stdout().flush().unwrap();
}

fn write_blob(store: &Store, text: &str) {
    let mut writer = store.write_blob().unwrap();
    for piece in text.as_bytes().chunks(5_000) {
        writer.write_all(piece).unwrap();
    }
    step();
    writer.commit().unwrap();
}

fn write_tree(store: &Store, text: &str) {
    let staged = store.stage_tree().unwrap();
    for name in 0..3 {
        let folder = staged.path().join(format!("folder-{name}"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("file"), text).unwrap();
    }
    step();
    staged.commit(&Digest::of(text)).unwrap();
}

fn check_blobs(root: &Path) -> usize {
    let mut made = 0;
    for path in list(&root.join("blobs/sha256")) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(Digest::of(fs::read(&path).unwrap()).hex(), name);
        // Removed once checked, here and below, or each round would check all that came before.
        fs::remove_file(&path).unwrap();
        made += 1;
    }
    made
}

fn check_trees(store: &Store, root: &Path) {
    for path in list(&root.join("trees")) {
        let digest = digest_of(&path);
        let tree = store
            .tree(&digest)
            .unwrap()
            .expect("a tree that is visible is whole");
        let folders = list(tree.path());
        assert_eq!(folders.len(), 3);
        for folder in folders {
            assert_eq!(Digest::of(fs::read(folder.join("file")).unwrap()), digest);
        }
        coracle_content::remove_tree(&path).unwrap();
    }
}

fn check_records(store: &Store, root: &Path) {
    if !root.join("records/text").exists() {
        return;
    }
    for path in list(&root.join("records/text")) {
        let digest = digest_of(&path);
        let text: String = store
            .record("text", &digest)
            .unwrap()
            .expect("a record that is visible is whole");
        assert_eq!(Digest::of(text), digest);
        fs::remove_file(&path).unwrap();
    }
}

fn check_nothing_is_held(store: &Store, root: &Path) {
    for folder in ["scratch", "leases", "locks"] {
        assert!(
            list(&root.join(folder)).is_empty(),
            "the sweep left something in {folder}"
        );
    }
    assert!(
        store.try_lock("work", &Digest::of("one")).unwrap().is_some(),
        "a dead process holds a lock"
    );
}

fn list(folder: &Path) -> Vec<std::path::PathBuf> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

fn digest_of(path: &Path) -> Digest {
    format!("sha256:{}", path.file_name().unwrap().to_str().unwrap())
        .parse()
        .unwrap()
}
