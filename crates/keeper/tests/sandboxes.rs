//! Real sandboxes through a real keeper.

mod world;

use std::time::Duration;

use coracle_sandbox::{Exit, Sandbox as _, Sandboxes as _};
use world::{World, text_of};

#[tokio::test]
async fn a_program_prints_and_exits_with_its_code() {
    let world = World::new();
    let sandbox = world.shell("echo out; echo err >&2; exit 7").await;
    let output = sandbox.output().unwrap();
    sandbox.start().await.unwrap();
    assert_eq!(sandbox.wait().await.unwrap(), Exit::Code(7));
    assert_eq!(text_of(output.stdout).await, "out\n");
    assert_eq!(text_of(output.stderr).await, "err\n");
    sandbox.remove().await.unwrap();
    world.end().await;
}
