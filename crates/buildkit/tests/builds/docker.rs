//! The BuildKit in a Docker Engine.

use coracle_peers::Engine;

use crate::world::{World, place};

#[tokio::test(flavor = "multi_thread")]
async fn a_docker_engine_builds_and_keeps_nothing() {
    let world = World::new();
    let engine = Engine::start(world.root.path()).unwrap();
    let place = place(&format!("docker://{}", engine.socket().display()));
    world.write("app/main", "hello");
    let solve = world.solve("FROM scratch\nCOPY app /app\nCMD [\"/app/main\"]\n");
    let solved = world.build(&place, &solve).await.unwrap();
    let [image] = solved.images.as_slice() else {
        panic!("one image is made: {solved:?}")
    };
    assert_eq!(world.read(image, "app/main").as_deref(), Some("hello"));
    assert_eq!(engine.call(&["images", "--quiet"]).unwrap(), "");
    let again = world.build(&place, &solve).await.unwrap();
    assert_eq!(again.images, solved.images);
}
