//! What collections keep, and what goes.

use crate::world::{World, age};
use coracle_spec::Digest;

#[tokio::test]
async fn what_a_repository_has_stays_and_goes_when_it_is_deleted() {
    let world = World::new();
    let image = world.push_image("a", "latest", "layer").await;
    assert_eq!(world.collect(), 0);
    world.delete(&format!("/v2/a/manifests/{image}")).await;
    assert_eq!(world.collect(), 1);
    for text in ["layer", "{\"of\":\"layer\"}"] {
        world.delete(&format!("/v2/a/blobs/{}", Digest::of(text))).await;
    }
    assert_eq!(world.collect(), 2);
}

#[tokio::test]
async fn a_blob_in_no_manifest_stays_a_day_and_one_that_was_asked_for_another() {
    let world = World::new();
    let (old, asked) = (world.push("a", b"old").await, world.push("a", b"asked").await);
    assert_eq!(world.collect(), 0);
    for digest in [old, asked] {
        age(&link("a", &digest, &world), 25);
    }
    // The head of a push that finds it there: from now on it waits for its manifest.
    assert_eq!(world.head(&format!("/v2/a/blobs/{asked}")).await.status, 200);
    assert_eq!(world.collect(), 1);
    assert_eq!(world.head(&format!("/v2/a/blobs/{old}")).await.status, 404);
    assert_eq!(world.head(&format!("/v2/a/blobs/{asked}")).await.status, 200);
}

#[tokio::test]
async fn tidying_removes_old_links_that_no_manifest_needs_and_no_others() {
    let world = World::new();
    world.push_image("a", "latest", "layer").await;
    let (old, young) = (world.push("a", b"old").await, world.push("a", b"young").await);
    let layer = Digest::of("layer");
    for digest in [old, layer] {
        age(&link("a", &digest, &world), 25);
    }
    world.registry().tidy().unwrap();
    let there = [old, young, layer].map(|digest| link("a", &digest, &world).exists());
    assert_eq!(there, [false, true, true]);
    assert_eq!(world.collect(), 1);
    assert_eq!(world.get("/v2/a/manifests/latest").await.status, 200);
    assert_eq!(world.get(&format!("/v2/a/blobs/{layer}")).await.body, "layer");
}

#[tokio::test]
async fn an_empty_repository_goes_and_comes_again() {
    let world = World::new();
    let image = world.push_image("a/b", "latest", "layer").await;
    world.delete(&format!("/v2/a/b/manifests/{image}")).await;
    for text in ["layer", "{\"of\":\"layer\"}"] {
        world.delete(&format!("/v2/a/b/blobs/{}", Digest::of(text))).await;
    }
    assert!(world.registry().repositories().unwrap().is_empty());
    world.registry().tidy().unwrap();
    assert_eq!(world.get("/v2/a/b/tags/list").await.code(), "NAME_UNKNOWN");
    world.push_image("a/b", "latest", "layer").await;
    assert_eq!(world.registry().repositories().unwrap().len(), 1);
}

#[tokio::test]
async fn an_upload_that_nobody_finished_goes_after_a_day() {
    let world = World::new();
    let place = world.post("/v2/a/blobs/uploads/").await.location();
    world.collect();
    assert_eq!(world.get(&place).await.status, 204);
    let folder = world.folder.path().join("store/uploads");
    for entry in fs_err::read_dir(folder).unwrap() {
        age(&entry.unwrap().path(), 25);
    }
    world.collect();
    assert_eq!(world.get(&place).await.status, 404);
}

fn link(repository: &str, digest: &Digest, world: &World) -> std::path::PathBuf {
    let folder = world.folder.path().join("registry/repositories").join(repository);
    folder.join("blobs").join(digest.hex())
}
