//! The repositories of functions: filled from the store, and kept by revisions.

use coracle_spec::{Digest, FunctionId};

use crate::world::{World, age, manifest};

const REPOSITORY: &str = "functions/default/hello";

fn hello() -> FunctionId {
    "hello".parse().unwrap()
}

/// Makes the links of the function's repository a day older.
fn let_a_day_pass(world: &World) {
    let folder = world
        .folder
        .path()
        .join("registry/repositories/functions+default+hello");
    for kind in ["blobs", "manifests"] {
        for entry in fs_err::read_dir(folder.join(kind)).unwrap() {
            age(&entry.unwrap().path(), 25);
        }
    }
}

/// Puts an image into the store, and answers its manifest.
fn stored(world: &World) -> Digest {
    let store = world.store();
    let [config, layer] = ["{}", "layer"].map(|text| store.put_blob(text.as_bytes()).unwrap().digest);
    let manifest = manifest(&config, &layer);
    store.put_blob(manifest.as_bytes()).unwrap().digest
}

#[tokio::test]
async fn what_the_store_has_need_not_be_sent_for_a_function_and_for_others_it_does() {
    let world = World::new();
    let layer = world.store().put_blob(b"layer").unwrap().digest;
    let mount = |to: &str| format!("/v2/{to}/blobs/uploads/?mount={layer}");
    assert_eq!(world.post(&mount("team/app")).await.status, 202);
    assert_eq!(world.post(&mount(REPOSITORY)).await.status, 201);
    let there = world.get(&format!("/v2/{REPOSITORY}/blobs/{layer}")).await;
    assert_eq!(there.body, "layer");
    let unknown = format!("/v2/{REPOSITORY}/blobs/uploads/?mount={}", Digest::of("x"));
    assert_eq!(world.post(&unknown).await.status, 202);
}

#[tokio::test]
async fn a_functions_image_is_pulled_by_its_digest_and_stays_a_day_by_itself() {
    let world = World::new();
    let image = stored(&world);
    world.registry().put_revision(&hello(), &image).unwrap();
    let path = format!("/v2/{REPOSITORY}/manifests/{image}");
    assert_eq!(world.get(&path).await.status, 200);
    assert_eq!(
        world.get("/v2/_catalog").await.json()["repositories"][0],
        REPOSITORY
    );
    assert_eq!(world.collect(), 0);
    let_a_day_pass(&world);
    world.registry().tidy().unwrap();
    assert_eq!(
        world.get(&path).await.status,
        200,
        "what is there is not forgotten"
    );
    assert_eq!(world.collect(), 3);
    world.registry().tidy().unwrap();
    assert!(world.registry().repositories().unwrap().is_empty());
}

#[tokio::test]
async fn a_push_that_finds_everything_there_keeps_it_for_another_day() {
    let world = World::new();
    let text = world.push_parts(REPOSITORY, "layer").await;
    let digest = Digest::of(&text).to_string();
    let pushed = world.push_manifest((REPOSITORY, &digest), &text).await;
    assert_eq!(pushed.status, 201);
    let_a_day_pass(&world);
    let pushed = world.push_manifest((REPOSITORY, &digest), &text).await;
    assert_eq!(pushed.status, 201);
    assert_eq!(world.collect(), 0);
}

#[tokio::test]
async fn what_somebody_gave_a_tag_stays_when_the_function_goes_and_nothing_else_does() {
    let world = World::new();
    let image = stored(&world);
    let tagged = world.push_image(REPOSITORY, "mine", "other layer").await;
    world.registry().put_revision(&hello(), &image).unwrap();
    world.registry().remove_function(&hello()).unwrap();
    let_a_day_pass(&world);
    assert_eq!(world.collect(), 3);
    let status = |digest: &Digest| format!("/v2/{REPOSITORY}/manifests/{digest}");
    assert_eq!(world.get(&status(&image)).await.status, 404);
    assert_eq!(world.get(&status(&tagged)).await.status, 200);
    let layer = Digest::of("other layer");
    let layer = world.get(&format!("/v2/{REPOSITORY}/blobs/{layer}")).await;
    assert_eq!(layer.body, "other layer");
}
