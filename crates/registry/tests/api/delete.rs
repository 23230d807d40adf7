//! Taking things out of a repository.

use crate::world::World;

#[tokio::test]
async fn a_tag_goes_alone_and_a_manifest_with_its_tags() {
    let world = World::new();
    let image = world.push_image("a", "one", "layer").await;
    let text = world.push_parts("a", "layer").await;
    world.push_manifest(("a", "two"), &text).await;
    assert_eq!(world.delete("/v2/a/manifests/one").await.status, 202);
    assert_eq!(
        world.delete("/v2/a/manifests/one").await.code(),
        "MANIFEST_UNKNOWN"
    );
    assert_eq!(world.get("/v2/a/manifests/two").await.status, 200);
    let path = format!("/v2/a/manifests/{image}");
    assert_eq!(world.delete(&path).await.status, 202);
    assert_eq!(world.delete(&path).await.status, 404);
    assert_eq!(world.get("/v2/a/manifests/two").await.status, 404);
    assert_eq!(
        world.get("/v2/a/tags/list").await.json()["tags"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
    assert_eq!(world.delete("/v2/nobody/manifests/x").await.status, 404);
}

#[tokio::test]
async fn a_blob_goes_from_one_repository_and_stays_in_others() {
    let world = World::new();
    let digest = world.push("a", b"layer").await;
    world.push("b", b"layer").await;
    let path = format!("/v2/a/blobs/{digest}");
    assert_eq!(world.delete(&path).await.status, 202);
    assert_eq!(world.delete(&path).await.code(), "BLOB_UNKNOWN");
    assert_eq!(world.head(&path).await.status, 404);
    assert_eq!(world.get(&format!("/v2/b/blobs/{digest}")).await.body, "layer");
}
