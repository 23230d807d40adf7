//! Nothing stays, whoever is killed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "test code"
)]

#[path = "support/groups.rs"]
mod groups;
#[path = "support/world.rs"]
mod world;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use coracle_sandbox::{Exit, Network, Sandbox, Sandboxes as _};
use coracle_spec::{Class, Failure};
use coracle_tasks::Tasks;
use groups::{Changes, entries, families, groups_of, is_abandoned, members};
use tokio::time::Instant;
use world::{PATIENCE, World, chain, client, line};

/// What of the host belongs to a keeper.
#[derive(Debug, Default, PartialEq, Eq)]
struct Left {
    groups: BTreeSet<PathBuf>,
    mounts: Vec<String>,
    processes: BTreeSet<u32>,
}

impl Left {
    /// Looks for the groups of the keeper `pid`, for mounts anywhere below `directory` or `/run/coracle` that the host
    /// sees, and for the processes in those groups.
    fn of(pid: u32, directory: &Path) -> Self {
        let groups: BTreeSet<PathBuf> = groups_of(pid).into_iter().collect();
        let processes = groups.iter().flat_map(|group| members(group)).collect();
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        let ours = |line: &&str| line.contains("/run/coracle") || line.contains(directory.to_str().unwrap());
        Self {
            groups,
            mounts: mounts.lines().filter(ours).map(str::to_owned).collect(),
            processes,
        }
    }
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

async fn gone(world: &World) {
    tokio::time::timeout(PATIENCE, world.client.gone())
        .await
        .expect("something of the keeper stayed");
}

/// Waits for the watchdog of a keeper that no client looks at any more.
async fn nothing_left_of(keeper: u32, world: &World) {
    let (changes, deadline) = (Changes::new(), Instant::now() + PATIENCE);
    for family in families() {
        changes.watch(&family);
    }
    let left = || Left {
        mounts: Vec::new(),
        ..Left::of(keeper, world.path())
    };
    while left() != Left::default() {
        assert!(changes.come(deadline).await, "{:?}", left());
    }
}

async fn idle(world: &World) -> Arc<dyn Sandbox> {
    let (sandbox, mut lines) = world.start(world.spec(&["probe", "idle"])).await;
    line(&mut lines).await;
    sandbox
}

#[tokio::test]
async fn removing_a_sandbox_leaves_nothing_of_it() {
    let world = World::new();
    let sandbox = idle(&world).await;
    let keeper = world.client.keeper_pid().unwrap();
    assert!(!Left::of(keeper, world.path()).processes.is_empty());
    sandbox.remove().await.unwrap();
    // What is left are workers that wait for the next sandbox.
    for process in Left::of(keeper, world.path()).processes {
        let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
        assert!(["coracle-keeper\n", ""].contains(&name.as_str()), "{name}");
    }
    for group in Left::of(keeper, world.path())
        .groups
        .iter()
        .flat_map(|group| entries(group))
    {
        let abandoned = group.is_dir() && is_abandoned(&group).await;
        assert!(!abandoned, "{}", group.display());
    }
    world.end().await;
}

#[tokio::test]
async fn ending_the_keeper_leaves_nothing() {
    let world = World::new();
    let _running = idle(&world).await;
    let _waiting = world.create(world.spec(&["probe", "idle"])).await;
    let frozen = idle(&world).await;
    frozen.freeze().await.unwrap();
    let keeper = world.client.keeper_pid().unwrap();
    world.client.shutdown(PATIENCE).await.unwrap();
    assert_eq!(Left::of(keeper, world.path()), Left::default());
    assert!(!world.path().join("run/keeper.sock").exists());
}

#[tokio::test]
async fn a_keeper_that_is_killed_leaves_nothing_and_the_next_works() {
    let world = World::new();
    let running = idle(&world).await;
    let _waiting = world.create(world.spec(&["probe", "idle"])).await;
    let frozen = idle(&world).await;
    frozen.freeze().await.unwrap();
    let keeper = world.client.keeper_pid().unwrap();

    kill(keeper);
    gone(&world).await;
    assert_eq!(Left::of(keeper, world.path()), Left::default());
    let error = running.wait().await.unwrap_err();
    assert_eq!(error.class(), Class::Unavailable, "{}", chain(&error));
    assert_eq!(running.remove().await.unwrap_err().class(), Class::Unavailable);

    assert_eq!(world.shell("echo again").await, "again\n");
    assert_ne!(world.client.keeper_pid().unwrap(), keeper);
    world.end().await;
}

#[tokio::test]
async fn a_keeper_killed_while_it_creates_leaves_nothing() {
    for delay in [0, 2, 5, 10, 20, 40] {
        let world = World::new();
        world.client.prepare().await.unwrap();
        let keeper = world.client.keeper_pid().unwrap();
        let creations = (0..4).map(|_| world.client.create(world.spec(&["probe", "idle"])));
        let creations = futures::future::join_all(creations);
        let killing = async {
            tokio::time::sleep(Duration::from_millis(delay)).await;
            kill(keeper);
        };
        tokio::join!(creations, killing);
        nothing_left_of(keeper, &world).await;
        world.end().await;
    }
}

#[tokio::test]
async fn a_first_process_that_is_killed_is_noticed_and_cleared_away() {
    let world = World::new();
    let sandbox = idle(&world).await;
    let keeper = world.client.keeper_pid().unwrap();
    for process in Left::of(keeper, world.path()).processes {
        let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
        if name == "coracle-keeper\n" {
            // A worker that waits for the next sandbox.
            continue;
        }
        // The program goes with its first process: killing that one may find it gone.
        let pid = rustix::process::Pid::from_raw(process.cast_signed()).unwrap();
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
    assert_eq!(sandbox.wait().await.unwrap(), Exit::Signal(9));
    sandbox.remove().await.unwrap();
    assert_eq!(world.shell("echo again").await, "again\n");
    world.end().await;
}

#[tokio::test]
async fn a_server_that_goes_without_a_lease_takes_its_sandboxes_along() {
    let world = World::new();
    let tasks = Tasks::new();
    let server = client(world.path(), Duration::ZERO, tasks.clone());
    let sandbox = server.create(world.spec(&["probe", "idle"])).await.unwrap();
    sandbox.start().await.unwrap();
    let keeper = server.keeper_pid().unwrap();
    let alive = std::fs::metadata(format!("/proc/{keeper}")).is_ok();
    assert!(alive);

    // Ends the task that holds the connection, as the end of the process would.
    tasks.cancel();
    assert_eq!(sandbox.wait().await.unwrap_err().class(), Class::Unavailable);
    nothing_left_of(keeper, &world).await;
}

#[tokio::test]
async fn a_new_server_finds_the_sandboxes_of_the_old_one_within_the_lease() {
    let world = World::with_lease(PATIENCE);
    let tasks = Tasks::new();
    let old = client(world.path(), PATIENCE, tasks.clone());
    let sandbox = old.create(world.spec(&["probe", "serve", "80"])).await.unwrap();
    sandbox.start().await.unwrap();
    let ended = old.create(world.spec(&["sh", "-c", "exit 4"])).await.unwrap();
    ended.start().await.unwrap();
    ended.wait().await.unwrap();
    let keeper = old.keeper_pid().unwrap();
    tasks.cancel();

    let adopted = world.client.adopt().await.unwrap();
    assert_eq!(world.client.keeper_pid(), Some(keeper));
    assert_eq!(adopted.len(), 2);
    let running = adopted
        .iter()
        .find(|one| one.sandbox.id() == sandbox.id())
        .unwrap();
    assert!(running.started);
    assert_eq!(running.spec.process.args[0], "probe");
    let mut lines = tokio::io::BufReader::new(running.sandbox.output().unwrap().stdout);
    let mut text = String::new();
    tokio::io::AsyncBufReadExt::read_line(&mut lines, &mut text)
        .await
        .unwrap();
    assert_eq!(text, "listening\n");
    running.sandbox.dial(80).await.unwrap();
    let over = adopted.iter().find(|one| one.sandbox.id() == ended.id()).unwrap();
    assert_eq!(over.sandbox.wait().await.unwrap(), Exit::Code(4));
    world.client.shutdown(PATIENCE).await.unwrap();
    assert_eq!(Left::of(keeper, world.path()), Left::default());
}

#[tokio::test]
async fn there_is_nothing_to_adopt_without_a_keeper() {
    let world = World::new();
    assert!(world.client.adopt().await.unwrap().is_empty());
    assert_eq!(world.client.keeper_pid(), None);
}

#[tokio::test]
async fn a_way_out_goes_with_the_keeper() {
    let world = World::new();
    let mut spec = world.spec(&["probe", "idle"]);
    spec.network = Network::Egress;
    let (sandbox, mut lines) = world.start(spec).await;
    line(&mut lines).await;
    let keeper = world.client.keeper_pid().unwrap();
    sandbox.remove().await.unwrap();
    kill(keeper);
    gone(&world).await;
    assert_eq!(Left::of(keeper, world.path()), Left::default());
}
