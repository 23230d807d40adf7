//! What is kept to be quick: shown, bounded, and collected without hurting anybody.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harbour::{Harbour, succeeded};
use crate::machine::Machine;
use crate::ship::Ship;

/// How long a server may take to let go of a removed function.
const PATIENCE: Duration = Duration::from_mins(1);

impl Machine {
    fn cache(&self, arguments: &[&str]) -> Value {
        let text = self.succeed(&[&["cache"], arguments, &["--json"]].concat());
        serde_json::from_str(&text).unwrap()
    }

    fn has(&self, digest: &Value) -> bool {
        let digest = digest.as_str().unwrap().strip_prefix("sha256:").unwrap();
        self.data().join("store/blobs/sha256").join(digest).exists()
    }

    /// Prepares a build whose cache may take no more than `limit`.
    fn bounded_build(&self, ship: &Ship, limit: &str) -> Command {
        let mut build = self.command(&["build", ship.folder(), "--json"]);
        build.env("CORACLE_CACHE_LIMIT", limit).stdout(Stdio::piped());
        build
    }
}

/// Runs a build to its end, which must be a good one, and answers its report.
fn ended(mut build: Command) -> Value {
    let text = succeeded(&build.output().unwrap(), &["build"]);
    serde_json::from_str(&text).unwrap()
}

#[test]
fn functions_survive_collections_and_removed_ones_do_not() {
    let harbour = Harbour::on(Machine::empty());
    let image = harbour.deploy(&Ship::new(), &[])["image"].clone();
    let machine = &harbour.machine;
    let would = machine.cache(&["gc", "--all", "--dry-run"]);
    assert_eq!(machine.cache(&["gc", "--all"]), would);
    assert!(machine.has(&image));
    assert!(machine.cache(&["du"])["kinds"]["layers"]["bytes"].as_u64() > Some(0));
    assert_eq!(harbour.ask("/").0, 200);

    // Nor does a server that is down lose what it serves.
    let machine = harbour.close();
    let freed = machine.cache(&["gc", "--all"]);
    assert_eq!(freed["items"], 0, "{freed}");
    let harbour = Harbour::on(machine);
    assert_eq!(harbour.ask("/").0, 200);

    harbour.succeed(&["rm", "ship"]);
    collected_at_last(&harbour.machine, &image);
    let used = harbour.machine.cache(&["du"]);
    assert_eq!(used["total"]["bytes"], 0, "{used}");
}

/// Collects until an image is gone: the server may still be clearing a spare sandbox of it away.
fn collected_at_last(machine: &Machine, image: &Value) {
    let deadline = Instant::now() + PATIENCE;
    while machine.has(image) {
        assert!(Instant::now() < deadline, "the image is never collected");
        machine.cache(&["gc", "--all"]);
    }
}

#[test]
fn builds_beside_collections_succeed_and_the_cache_stays_within_its_limit() {
    let machine = Machine::empty();
    let ships = [
        Ship::new(),
        Ship::new().named("other"),
        Ship::new().named("third"),
    ];
    let builds: Vec<_> = ships
        .iter()
        .map(|ship| machine.bounded_build(ship, "none").spawn().unwrap())
        .collect();
    for _ in 0..20 {
        machine.succeed(&["cache", "gc", "--all"]);
    }
    for build in builds {
        succeeded(&build.wait_with_output().unwrap(), &["build"]);
    }

    // The next one that makes something collects by itself, once nobody did so for a while; what it made stays.
    machine.succeed(&["cache", "gc", "--all"]);
    let _ = fs_err::remove_file(machine.data().join("store/collected"));
    let report = ended(machine.bounded_build(&ships[0], "1Mi"));
    assert!(machine.has(&report["digest"]));
    let kinds = machine.cache(&["du"])["kinds"].clone();
    let packages = kinds["packages"]["bytes"].as_u64().unwrap();
    assert!(packages <= 1 << 20, "{kinds}");
    // What has a name stays.
    machine.cache(&["gc", "--keep", "1Mi"]);
    assert!(machine.has(&report["digest"]));
    machine.succeed(&["image", "rm", "ship", "other", "third"]);
    machine.cache(&["gc", "--keep", "1Mi"]);
    let total = machine.cache(&["du"])["total"]["bytes"].as_u64().unwrap();
    assert!(total <= 1 << 20, "{total}");
}

#[test]
fn a_collector_that_cannot_tell_what_is_in_use_removes_nothing() {
    let machine = Machine::empty();
    machine.succeed(&["cache", "du"]);
    let blobs = machine.data().join("store/blobs/sha256");
    fs_err::write(blobs.join("0".repeat(64)), "x").unwrap();
    fs_err::create_dir_all(machine.data().join("state")).unwrap();
    fs_err::write(machine.data().join("state/state.db"), "garbage".repeat(100)).unwrap();
    let talk = machine.fail(70, &["cache", "gc", "--all"]);
    assert!(talk.contains("which images are in use"), "{talk}");
    assert_eq!(fs_err::read_dir(blobs).unwrap().count(), 1);
}
