//! What pulls and pushes leave that end in the middle: nothing, as soon as they say that they ended.

use coracle_distribution::{DistributionError, Part, Progress, Silent, Transfer};
use coracle_tasks::CancellationToken;

use crate::hostile::{Hostile, Reply};
use crate::images::{OWN, World, image, never, noise, quick, reference};
use crate::lies::{honest, is_blob, shelf};

impl World {
    fn has_no_scratch(&self) {
        let scratch = fs_err::read_dir(self.store.root().join("scratch")).unwrap();
        assert_eq!(scratch.count(), 0);
    }
}

/// Gives up as soon as the first bytes of a layer have come.
struct Fickle(CancellationToken);

impl Progress for Fickle {
    fn advanced(&self, transfer: &Transfer, _bytes: u64) {
        if transfer.part == Part::Layer {
            self.0.cancel();
        }
    }
}

#[tokio::test]
async fn a_pull_that_is_given_up_leaves_nothing() {
    let there = World::new();
    let made = image(&there.store, &[noise(5_000, 10)]);
    let (shelf, digest) = (shelf(&there.store, &made), made.layers[0].digest);
    let cancel = never();
    let trigger = cancel.clone();
    let registry = Hostile::start(move |request| {
        if is_blob(request, &digest) {
            trigger.cancel();
        }
        honest(&shelf, request)
    })
    .await;
    let here = World::new();
    let name = reference(&format!("{}/boat:1", registry.host()));
    let pulled = here.client(quick()).pull(&name, OWN, &Silent, &cancel).await;
    assert!(matches!(pulled, Err(DistributionError::Cancelled)));
    assert!(here.store.blob(&digest).unwrap().is_none());
}

#[tokio::test]
async fn a_pull_that_fails_has_removed_what_it_began_when_it_says_so() {
    let there = World::new();
    let made = image(&there.store, &[noise(3_000_000, 11), noise(5_000, 12)]);
    let (shelf, large, small) = (
        shelf(&there.store, &made),
        made.layers[0].digest,
        made.layers[1].digest,
    );
    let registry = Hostile::start(move |request| match request {
        // One layer is on its way, and stays so, when the other one turns out to be missing.
        request if is_blob(request, &large) => honest(&shelf, request).cut(2_000_000),
        request if is_blob(request, &small) => Reply::status(404),
        request => honest(&shelf, request),
    })
    .await;
    let here = World::new();
    let name = reference(&format!("{}/boat:1", registry.host()));
    let pulled = here.client(quick()).pull(&name, OWN, &Silent, &never()).await;
    assert!(pulled.is_err());
    here.has_no_scratch();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_that_is_given_up_in_the_middle_has_removed_what_it_began_when_it_says_so() {
    let there = World::new();
    let contents: Vec<_> = (20..23).map(|seed| noise(2_000_000, seed)).collect();
    let shelf = shelf(&there.store, &image(&there.store, &contents));
    let registry = Hostile::start(move |request| honest(&shelf, request)).await;
    let here = World::new();
    let name = reference(&format!("{}/boat:1", registry.host()));
    let cancel = never();
    let fickle = Fickle(cancel.clone());
    let pulled = here.client(quick()).pull(&name, OWN, &fickle, &cancel).await;
    assert!(matches!(pulled, Err(DistributionError::Cancelled)));
    here.has_no_scratch();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_ends_in_the_middle_has_removed_what_it_began_when_it_says_so() {
    for refused in [true, false] {
        let here = World::new();
        // The larger layer is still being compressed when the smaller one is refused.
        let made = image(&here.store, &[noise(20_000_000, 30), noise(5_000, 31)]);
        let cancel = never();
        let trigger = cancel.clone();
        let registry = Hostile::start(move |request| match request.method.as_str() {
            "HEAD" => Reply::status(404),
            "POST" if refused => Reply::status(403),
            "POST" => {
                trigger.cancel();
                Reply::status(202).header("location", "/upload/1")
            }
            _ => Reply::status(200),
        })
        .await;
        let to = reference(&format!("{}/boat:1", registry.host()));
        let client = here.client(quick());
        let pushed = client.push(made.manifest, &to, &Silent, &cancel).await;
        let given_up = matches!(pushed, Err(DistributionError::Cancelled));
        assert!(pushed.is_err() && given_up != refused, "{pushed:?}");
        here.has_no_scratch();
    }
}
