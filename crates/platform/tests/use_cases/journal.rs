//! What instances print.

use coracle_platform::Follower;
use coracle_testkit::Program;

use crate::world::{World, hello};

#[tokio::test]
async fn what_an_instance_prints_is_kept_and_followed() {
    let world = World::running(Program::greeting("hi")).await;
    world.deploy().await.unwrap();
    let mut live = follow(&world).await;
    let sandbox = world.sandboxes.running_now().pop().unwrap();
    sandbox.print("one\ntwo\n").await;
    let mut followed = Vec::new();
    while followed.len() < 2 {
        followed.extend(next(&mut live).await);
    }
    assert_eq!(followed, ["one", "two"]);
    let log = world.platform.log(&hello(), 1).await.unwrap();
    let last = log.past.last().unwrap();
    assert_eq!((last.text.as_str(), last.revision), ("two", 1));
    assert_eq!(log.past.len(), 1);
}

#[tokio::test]
async fn a_line_of_any_length_stalls_nobody() {
    let world = World::running(Program::greeting("hi")).await;
    world.deploy().await.unwrap();
    let mut live = follow(&world).await;
    let sandbox = world.sandboxes.running_now().pop().unwrap();
    sandbox.print(&"x".repeat(1 << 20)).await;
    sandbox.print("\nafter\n").await;
    while !next(&mut live).await.contains(&"after".to_owned()) {}
}

async fn follow(world: &World) -> Follower {
    world.platform.follow(&hello()).await.unwrap()
}

async fn next(live: &mut Follower) -> Vec<String> {
    let lines = live.next().await.unwrap().expect("the function is there");
    lines.into_iter().map(|line| line.text).collect()
}

#[tokio::test]
async fn the_log_of_an_unknown_function_is_an_error() {
    let world = World::running(Program::greeting("hi")).await;
    assert!(world.platform.log(&hello(), 10).await.is_err());
}
