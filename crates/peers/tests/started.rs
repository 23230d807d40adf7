//! Peers start, answer and end.

use std::path::Path;

use coracle_peers::buildkit::{BuildKit, Programs, VERSION};
use coracle_peers::{Engine, checked};

#[test]
fn a_buildkit_has_a_worker_until_it_is_dropped() {
    let scratch = tempfile::tempdir().unwrap();
    let buildkit = BuildKit::start(Programs::pinned().unwrap(), scratch.path()).unwrap();
    let workers = checked(buildkit.client().args(["debug", "workers"])).unwrap();
    assert!(workers.contains("linux/"), "{workers}");
    assert_eq!(buildkit.version(), VERSION);
    let process = buildkit.process();
    drop(buildkit);
    assert!(!Path::new(&format!("/proc/{process}")).exists());
}

#[test]
fn a_docker_engine_answers_until_it_is_dropped() {
    let scratch = tempfile::tempdir().unwrap();
    let engine = Engine::start(scratch.path()).unwrap();
    assert_ne!(engine.version().unwrap(), "");
    let process = engine.process();
    drop(engine);
    assert!(!Path::new(&format!("/proc/{process}")).exists());
}
