use coracle_content::Store;

use super::*;
use crate::Limits;
use crate::names::Reference;

struct World {
    registry: Registry,
    store: Store,
    _data: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let store = Store::open(&data.path().join("store")).unwrap();
        Self {
            registry: Registry::open(data.path(), store.clone(), Limits::default()).unwrap(),
            store,
            _data: data,
        }
    }

    /// Makes an image with a configuration and a layer; answers the three digests.
    fn image(&self, config: &str) -> [Digest; 3] {
        let config = self.store.put_blob(config.as_bytes()).unwrap();
        let layer = self.store.put_blob(b"layer").unwrap();
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":{}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{}","size":{}}}]}}"#,
            config.digest, config.size, layer.digest, layer.size
        );
        let manifest = self.store.put_blob(manifest.as_bytes()).unwrap();
        [manifest.digest, config.digest, layer.digest]
    }

    /// Lets a build put an image; answers whether it may.
    fn builds(&self, name: &str, builder: &str, among: Among) -> bool {
        let [image, ..] = self.image("{}");
        let tag = "1".parse().unwrap();
        let (repository, whose) = (repository(name), (builder, among));
        self.registry
            .put_build(&repository, (&tag, &image), whose)
            .unwrap()
    }

    fn push(&self, name: &str) -> Digest {
        let [image, ..] = self.image("{}");
        let tag = "1".parse().unwrap();
        self.registry.put_image(&repository(name), &tag, &image).unwrap();
        image
    }

    fn deletes(&self, name: &str, reference: &Reference) {
        self.registry
            .remove_manifest(&repository(name), reference)
            .unwrap();
    }

    fn owned(&self, name: &str, reference: &str, owner: &str) -> Option<OwnedImage> {
        let reference = reference.parse().unwrap();
        self.registry.owned(&repository(name), &reference, owner).unwrap()
    }
}

fn repository(name: &str) -> Repository {
    name.parse().unwrap()
}

#[test]
fn a_repository_is_whose_build_made_it_and_what_others_pushed_is_nobodys() {
    let world = World::new();
    for (builder, may) in [("acme", true), ("globex", false), ("acme", true)] {
        assert_eq!(world.builds("team/app", builder, Among::Others), may, "{builder}");
    }
    world.push("pushed");
    assert!(!world.builds("pushed", "acme", Among::Others));
    assert!(!world.builds("functions/default/hello", "acme", Among::Others));
}

#[test]
fn who_builds_alone_may_put_images_everywhere_and_owns_what_was_free() {
    let world = World::new();
    world.push("pushed");
    world.builds("acmes", "acme", Among::Others);
    for name in ["pushed", "acmes", "new", "functions/default/hello"] {
        assert!(world.builds(name, "globex", Among::Nobody), "{name}");
    }
    for (name, owner) in [
        ("pushed", None),
        ("acmes", Some("acme")),
        ("new", Some("globex")),
        ("functions/default/hello", None),
    ] {
        assert_eq!(
            world.registry.owner(&repository(name)).unwrap().as_deref(),
            owner,
            "{name}"
        );
    }
}

#[test]
fn a_name_is_free_when_its_last_manifest_is_deleted_and_not_before() {
    let world = World::new();
    world.builds("app", "acme", Among::Others);
    let [other, ..] = world.image(r#"{"other":1}"#);
    let (two, whose) = ("2".parse().unwrap(), ("acme", Among::Others));
    world
        .registry
        .put_build(&repository("app"), (&two, &other), whose)
        .unwrap();
    world.deletes("app", &Reference::Tag("1".parse().unwrap()));
    world.deletes("app", &Reference::Digest(other));
    assert!(!world.builds("app", "globex", Among::Others), "one is left");
    let [image, ..] = world.image("{}");
    world.deletes("app", &Reference::Digest(image));
    assert!(world.builds("app", "globex", Among::Others));
    assert!(!world.builds("app", "acme", Among::Others));
}

#[test]
fn a_claim_that_no_image_came_for_lapses_after_a_day() {
    let world = World::new();
    let app = repository("app");
    world.registry.claim(&app, "acme", Among::Others).unwrap();
    world.registry.tidy().unwrap();
    assert!(!world.builds("app", "globex", Among::Others));
    let file = fs_err::File::open(world.registry.layout().owner(&app)).unwrap();
    let before = std::time::SystemTime::now() - std::time::Duration::from_hours(25);
    file.set_modified(before).unwrap();
    world.registry.tidy().unwrap();
    assert!(world.builds("app", "globex", Among::Others));
}

#[test]
fn an_image_is_its_owners_with_all_that_it_names_and_nobody_elses() {
    let world = World::new();
    let hidden = world.store.put_blob(b"another's layer").unwrap().digest;
    let [image, config, layer] = world.image(&format!(r#"{{"label":"{hidden}"}}"#));
    let (tag, whose) = ("1".parse().unwrap(), ("acme", Among::Others));
    let app = repository("app");
    world.registry.put_build(&app, (&tag, &image), whose).unwrap();
    let mut blobs = vec![image, config, layer];
    blobs.sort();
    for reference in ["1", &image.to_string()] {
        let owned = world.owned("app", reference, "acme").unwrap();
        assert_eq!((owned.manifest, owned.blobs), (image, blobs.clone()));
        assert_eq!(world.owned("app", reference, "globex"), None);
        assert_eq!(world.owned("other", reference, "acme"), None);
    }
    assert_eq!(world.owned("app", "2", "acme"), None);
    assert_eq!(world.owned("app", &hidden.to_string(), "acme"), None);
    world.push("pushed");
    assert_eq!(world.owned("pushed", "1", "acme"), None);
}
