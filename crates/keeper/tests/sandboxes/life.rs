//! How sandboxes begin, stand still and end.

use std::time::Duration;

use coracle_sandbox::{Exit, Sandboxes as _};
use coracle_spec::{Class, Failure as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::world::{PATIENCE, World, chain, line};

#[tokio::test]
async fn a_server_inside_is_dialed_and_answers() {
    let world = World::new();
    let (sandbox, mut lines) = world.start(world.spec(&["probe", "serve", "80"])).await;
    assert_eq!(line(&mut lines).await, "listening");
    let mut stream = sandbox.dial(80).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("hello"), "{answer}");

    let listening: Vec<_> = sandbox
        .listening()
        .await
        .unwrap()
        .iter()
        .map(|one| one.address.to_string())
        .collect();
    assert_eq!(listening, ["127.0.0.1:80"]);
    let error = sandbox.dial(8080).await.unwrap_err();
    assert_eq!(error.class(), Class::Unavailable);
    assert!(
        chain(&error).contains("nothing listens on port 8080"),
        "{}",
        chain(&error)
    );

    sandbox.remove().await.unwrap();
    assert!(sandbox.listening().await.is_err());
    world.end().await;
}

#[tokio::test]
async fn what_cannot_be_created_says_why_and_leaves_nothing() {
    let world = World::new();
    let missing = world.path().join("missing");
    let mut spec = world.spec(&["sh"]);
    spec.lowers.push(missing.clone());
    let id = spec.id.clone();
    let error = world.client.create(spec).await.unwrap_err();
    assert!(
        chain(&error).contains(&format!("`{}`", missing.display())),
        "{}",
        chain(&error)
    );
    assert_eq!(error.class(), Class::NotFound);

    let mut spec = world.spec(&[]);
    spec.process.args.clear();
    assert_eq!(world.client.create(spec).await.unwrap_err().class(), Class::User);
    let mut spec = world.spec(&["sh"]);
    spec.process.uid = 65_536;
    assert_eq!(world.client.create(spec).await.unwrap_err().class(), Class::User);

    // The name is free again.
    let mut spec = world.spec(&["probe", "idle"]);
    spec.id = id;
    let sandbox = world.create(spec.clone()).await;
    let error = world.client.create(spec).await.unwrap_err();
    assert_eq!(error.class(), Class::Conflict);
    // The refusal of the second is not the end of the first.
    sandbox.start().await.unwrap();
    assert_eq!(sandbox.stop(PATIENCE).await.unwrap(), Exit::Signal(15));
    sandbox.remove().await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn one_that_was_never_started_waits_and_can_be_removed() {
    let world = World::new();
    let sandbox = world.create(world.spec(&["probe", "idle"])).await;
    let error = sandbox.signal(15).await.unwrap_err();
    assert_eq!(error.class(), Class::Conflict);
    assert!(sandbox.listening().await.unwrap().is_empty());
    sandbox.remove().await.unwrap();
    assert_eq!(sandbox.remove().await.unwrap_err().class(), Class::NotFound);
    world.end().await;
}

#[tokio::test]
async fn many_are_created_at_once() {
    let world = World::new();
    let runs = (0..20).map(|number| {
        let spec = world.spec(&["sh", "-c", &format!("echo {number}")]);
        world.run(spec)
    });
    let results = futures::future::join_all(runs).await;
    for (number, (exit, stdout, _)) in results.into_iter().enumerate() {
        assert_eq!((exit, stdout), (Exit::Code(0), format!("{number}\n")));
    }
    world.end().await;
}

#[tokio::test]
async fn a_program_is_asked_to_end_and_then_killed() {
    let world = World::new();
    for (verb, expected) in [("obey", Exit::Code(3)), ("idle", Exit::Signal(15))] {
        let (sandbox, mut lines) = world.start(world.spec(&["probe", verb])).await;
        line(&mut lines).await;
        assert_eq!(sandbox.stop(PATIENCE).await.unwrap(), expected, "{verb}");
        sandbox.remove().await.unwrap();
    }
    let (sandbox, mut lines) = world.start(world.spec(&["probe", "defy"])).await;
    line(&mut lines).await;
    assert_eq!(
        sandbox.stop(Duration::from_millis(100)).await.unwrap(),
        Exit::Signal(9)
    );
    sandbox.remove().await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn a_program_is_asked_to_end_with_its_own_signal() {
    let world = World::new();
    let script = "trap 'exit 5' USR1; echo ready; sleep 1000 & wait";
    let mut spec = world.spec(&["sh", "-c", script]);
    spec.process.stop_signal = 10;
    let (sandbox, mut lines) = world.start(spec).await;
    line(&mut lines).await;
    assert_eq!(sandbox.stop(PATIENCE).await.unwrap(), Exit::Code(5));
    sandbox.remove().await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn a_frozen_sandbox_stands_still_goes_on_and_can_be_stopped() {
    let world = World::new();
    let (sandbox, mut lines) = world.start(world.spec(&["probe", "tick"])).await;
    line(&mut lines).await;
    sandbox.freeze().await.unwrap();
    // What was printed before is read until nothing comes any more.
    while tokio::time::timeout(Duration::from_millis(300), lines.next_line())
        .await
        .is_ok()
    {}
    sandbox.thaw().await.unwrap();
    line(&mut lines).await;
    sandbox.freeze().await.unwrap();
    assert_eq!(sandbox.stop(PATIENCE).await.unwrap(), Exit::Signal(15));
    sandbox.remove().await.unwrap();

    let (sandbox, mut lines) = world.start(world.spec(&["probe", "tick"])).await;
    line(&mut lines).await;
    sandbox.freeze().await.unwrap();
    sandbox.remove().await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn one_that_is_frozen_as_soon_as_it_is_there_can_be_ended() {
    let world = World::new();
    for _ in 0..10 {
        let sandbox = world.create(world.spec(&["probe", "idle"])).await;
        sandbox.freeze().await.unwrap();
        sandbox.remove().await.unwrap();
    }
    world.end().await;
}

#[tokio::test]
async fn a_worker_that_dies_while_it_waits_is_replaced() {
    let world = World::new();
    world.client.prepare().await.unwrap();
    let keeper = world.client.keeper_pid().unwrap();
    let children = std::fs::read_to_string(format!("/proc/{keeper}/task/{keeper}/children")).unwrap();
    for child in children.split_whitespace() {
        let name = std::fs::read_to_string(format!("/proc/{child}/comm")).unwrap();
        if name.trim() == "coracle-keeper" {
            let pid = rustix::process::Pid::from_raw(child.parse().unwrap()).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
            // A killed process takes a moment to be gone.
            let deadline = std::time::Instant::now() + PATIENCE;
            let stat = || std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            while !(stat().is_empty() || stat().contains(") Z ")) {
                assert!(std::time::Instant::now() < deadline);
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
    assert_eq!(world.shell("echo well").await, "well\n");
    world.end().await;
}
