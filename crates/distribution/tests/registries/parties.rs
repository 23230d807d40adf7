//! Several parties over one store: what one was sent is not there for the others, whatever a registry says.

use std::sync::Arc;

use coracle_content::Store;
use coracle_distribution::{Anonymous, Client, Silent};
use coracle_oci::Image;
use coracle_spec::Digest;

use crate::hostile::{Hostile, Reply};
use crate::images::{OWN, World, image, never, noise, quick, reference};
use crate::lies::{Shelf, honest, shelf};

fn party(world: &World, name: &str) -> Client {
    world.client(quick()).of_party(name, Arc::new(Anonymous))
}

/// A registry that has what is on the shelf, and says of everything that it has it; asked for a tag it names `digest`.
async fn boaster(shelf: Shelf, digest: Digest) -> Hostile {
    Hostile::start(move |request| match request.method.as_str() {
        "HEAD" => Reply::status(200).header("docker-content-digest", digest),
        _ => honest(&shelf, request),
    })
    .await
}

/// An image that `acme` has pulled from a registry of its own, which is gone.
async fn private(here: &World) -> (Image, Shelf) {
    let there = World::new();
    let made = image(&there.store, &[noise(5000, 1)]);
    let shelf = shelf(&there.store, &made);
    let registry = boaster(shelf.clone(), made.manifest).await;
    let name = reference(&format!("{}/boat:1", registry.host()));
    let pulled = party(here, "acme").pull(&name, OWN, &Silent, &never()).await;
    assert_eq!(pulled.unwrap().manifest, made.manifest);
    (made, shelf)
}

fn has(store: &Store, digest: &Digest) -> bool {
    store.blob(digest).unwrap().is_some()
}

#[tokio::test]
async fn whoever_knows_a_digest_and_not_the_bytes_gets_nothing() {
    let here = World::new();
    let (made, shelf) = private(&here).await;
    for lacks in [made.manifest, made.config, made.layers[0].digest] {
        assert!(has(&here.store, &lacks));
        let mut shelf = shelf.clone();
        let bytes = shelf.remove(&lacks.to_string()).unwrap();
        shelf.retain(|_, other| *other != bytes);
        let registry = boaster(shelf, made.manifest).await;
        for name in ["boat:1".to_owned(), format!("boat@{}", made.manifest)] {
            let name = reference(&format!("{}/{name}", registry.host()));
            for (who, is_there) in [("globex", false), ("acme", true)] {
                let pulled = party(&here, who).pull(&name, OWN, &Silent, &never()).await;
                match pulled {
                    Ok(_) => assert!(is_there, "{who} got {name}"),
                    Err(error) => assert!(!is_there && error.is_not_found(), "{who}, {name}: {error}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn a_party_that_was_sent_an_image_asks_nobody_for_its_digest() {
    let here = World::new();
    let (made, shelf) = private(&here).await;
    let registry = boaster(shelf, made.manifest).await;
    let name = reference(&format!("{}/boat@{}", registry.host(), made.manifest));
    party(&here, "globex")
        .pull(&name, OWN, &Silent, &never())
        .await
        .unwrap();
    let asked = registry.seen().len();
    assert!(registry.count("GET", &made.layers[0].digest.to_string()) == 1);
    for who in ["acme", "globex"] {
        party(&here, who)
            .pull(&name, OWN, &Silent, &never())
            .await
            .unwrap();
    }
    assert_eq!(registry.seen().len(), asked);
}
