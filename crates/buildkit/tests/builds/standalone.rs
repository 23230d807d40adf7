//! BuildKit by itself.

use std::path::Path;

use coracle_buildkit::Place;
use coracle_oci::load_config;
use coracle_peers::buildkit::{BuildKit, Programs};

use crate::world::{World, socket};

fn daemon(scratch: &Path) -> (BuildKit, Place) {
    let daemon = BuildKit::start(Programs::pinned().unwrap(), scratch).unwrap();
    let place = socket(daemon.socket());
    (daemon, place)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_is_built_into_the_store() {
    let world = World::new();
    let (_daemon, place) = daemon(world.root.path());
    world.write("app/main", "hello");
    world.write("app/secret.env", "hush");
    world.write(".dockerignore", "**/*.env\nbig\n");
    world.write("big/file", "never sent");
    let mut solve = world.solve("ARG V=1\nFROM scratch AS base\nARG V\nCOPY . /src/\nENV V=$V\nLABEL a=b\nFROM base AS other\nCMD [\"x\"]\n");
    solve.args.insert("V".to_owned(), "2".to_owned());
    solve.labels.insert("c".to_owned(), "d".to_owned());
    solve.target = Some("base".to_owned());
    let solved = world.build(&place, &solve).await.unwrap();
    let [image] = solved.images.as_slice() else {
        panic!("one image is made: {solved:?}")
    };
    assert_eq!(world.read(image, "src/app/main").as_deref(), Some("hello"));
    assert_eq!(world.read(image, "src/app/secret.env"), None);
    assert_eq!(world.read(image, "src/big/file"), None);
    let config = load_config(&world.store, image).unwrap();
    assert!(format!("{config:?}").contains("\"V\""), "{config:?}");
    let heard = world.heard.all();
    assert!(
        heard.iter().any(|said| said.contains("COPY . /src/")),
        "{heard:?}"
    );
    assert_eq!(heard.last().unwrap(), &format!("built {}", image.manifest));
    let again = world.build(&place, &solve).await.unwrap();
    assert_eq!(again.images, solved.images);
    assert!(
        again
            .steps
            .iter()
            .any(|step| step.cached && step.name.contains("COPY")),
        "{:?}",
        again.steps
    );
}
