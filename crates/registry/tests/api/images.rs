//! The registry without HTTP.

use coracle_registry::{Reference, Repository};
use coracle_spec::Digest;

use crate::world::{INDEX, World, manifest};

#[tokio::test]
async fn an_image_of_the_store_is_put_into_a_repository_with_all_its_parts() {
    let world = World::new();
    let store = world.store();
    let put = |bytes: &[u8]| store.put_blob(bytes).unwrap().digest;
    let image = put(manifest(&put(b"{}"), &put(b"layer")).as_bytes());
    let index = put(format!(r#"{{"mediaType":"{INDEX}","manifests":[{{"digest":"{image}"}}]}}"#).as_bytes());
    let (repository, tag) = (name("team/app"), "v1".parse().unwrap());
    world.registry().put_image(&repository, &tag, &index).unwrap();
    assert_eq!(world.collect(), 0);
    let found = world
        .registry()
        .resolve(&repository, &Reference::Tag(tag))
        .unwrap()
        .unwrap();
    assert_eq!((found.digest, found.media_type.as_str()), (index, INDEX));
    for path in [
        "/v2/team/app/manifests/v1".to_owned(),
        format!("/v2/team/app/manifests/{image}"),
        format!("/v2/team/app/blobs/{}", Digest::of("layer")),
        format!("/v2/team/app/blobs/{}", Digest::of("{}")),
    ] {
        assert_eq!(world.get(&path).await.status, 200, "{path}");
    }
    assert_eq!(world.registry().repositories().unwrap(), [repository]);
}

#[tokio::test]
async fn an_image_that_lacks_a_part_is_not_put() {
    let world = World::new();
    let store = world.store();
    let config = store.put_blob(b"{}").unwrap().digest;
    let image = manifest(&config, &Digest::of("gone"));
    let image = store.put_blob(image.as_bytes()).unwrap().digest;
    let tag = "v1".parse().unwrap();
    world.registry().put_image(&name("a"), &tag, &image).unwrap_err();
    world
        .registry()
        .put_image(&name("a"), &tag, &Digest::of("none"))
        .unwrap_err();
    let found = world
        .registry()
        .resolve(&name("a"), &Reference::Tag(tag))
        .unwrap();
    assert_eq!(found, None);
    assert!(world.registry().repositories().unwrap().is_empty());
}

fn name(text: &str) -> Repository {
    text.parse().unwrap()
}
