//! Debian's `docker-registry`: open, with a password, and with TLS of a private authority.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::available_parallelism;

use coracle_content::Store;
use coracle_distribution::{
    Credential, DistributionError, Layers, One, Outcome, Progress, Settings, Silent, Transfer,
};
use coracle_oci::{Compression, assemble_index};
use coracle_peers::registry::{Options, Registry};
use coracle_spec::manifest::Platform;
use coracle_spec::{Class, Failure};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::images::{Heard, OWN, World, image, image_for, never, noise, quick, reference};

fn start(scratch: &Path, options: Options<'_>) -> Registry {
    Registry::start(scratch, options).unwrap()
}

#[tokio::test]
async fn what_was_pushed_is_pulled_the_same_and_nothing_is_moved_twice() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = start(scratch.path(), Options::default());
    let (here, there) = (World::new(), World::new());
    let made = image(&here.store, &[noise(700_000, 1), noise(10, 2), Vec::new()]);
    let to = reference(&format!("{}/team/boat:1", registry.host()));
    let client = here.client(quick());

    let first = client.push(made.manifest, &to, &Silent, &never()).await.unwrap();
    assert_eq!((first.blobs.uploaded, first.blobs.present), (4, 0));
    let again = client.push(made.manifest, &to, &Silent, &never()).await.unwrap();
    assert_eq!((again.digest, again.blobs.present), (first.digest, 4));

    // Another repository of the same registry takes the blobs from the first one.
    let other = reference(&format!("{}/team/ship:1", registry.host()));
    let mounted = client
        .push(made.manifest, &other, &Silent, &never())
        .await
        .unwrap();
    assert_eq!((mounted.blobs.mounted, mounted.blobs.uploaded), (4, 0));

    let heard = Heard::default();
    let client = there.client(quick());
    let pulled = client.pull(&to, OWN, &heard, &never()).await.unwrap();
    assert_eq!((pulled.manifest, heard.count(Outcome::Moved)), (first.digest, 4));
    assert!(
        pulled
            .layers
            .iter()
            .all(|layer| layer.compression == Compression::Gzip)
    );
    let diff_ids =
        |image: &coracle_oci::Image| image.layers.iter().map(|layer| layer.diff_id).collect::<Vec<_>>();
    assert_eq!(diff_ids(&pulled), diff_ids(&made));

    let heard = Heard::default();
    client.pull(&other, OWN, &heard, &never()).await.unwrap();
    assert_eq!((heard.count(Outcome::Present), heard.bytes()), (4, 0));
    let resolved = client.resolve(&to, OWN).await.unwrap();
    assert_eq!((resolved.digest, resolved.index), (first.digest, None));
    assert!(String::from_utf8(resolved.config).unwrap().contains("/boat"));
}

#[tokio::test]
async fn an_index_is_pushed_whole_and_each_platform_finds_its_image() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = start(scratch.path(), Options::default());
    let here = World::new();
    let images = [
        image_for(&here.store, &[noise(1_000, 3)], "amd64"),
        image_for(&here.store, &[noise(1_000, 4)], "arm64"),
    ];
    let index = assemble_index(&here.store, &images).unwrap();
    let to = reference(&format!("{}/boat:2", registry.host()));
    let client = here.client(quick()).pushing(Layers::Kept);
    let pushed = client.push(index.digest, &to, &Silent, &never()).await.unwrap();
    assert_eq!(pushed.digest, index.digest);

    let gzip = reference(&format!("{}/boat:gzip", registry.host()));
    let gzip = here
        .client(quick())
        .push(index.digest, &gzip, &Silent, &never())
        .await
        .unwrap();
    assert_ne!(gzip.digest, index.digest);

    let there = World::new();
    let client = there.client(quick());
    for (platform, image) in [
        (Platform::LinuxAmd64, &images[0]),
        (Platform::LinuxArm64, &images[1]),
    ] {
        let resolved = client.resolve(&to, platform).await.unwrap();
        assert_eq!(
            (resolved.digest, resolved.index),
            (image.manifest, Some(index.digest))
        );
    }
    let by_digest = reference(&format!("{}/boat@{}", registry.host(), index.digest));
    assert_eq!(
        client.resolve(&by_digest, OWN).await.unwrap().index,
        Some(index.digest)
    );
}

/// Remembers how many blobs the store had when the first one was sent.
struct Census<'a> {
    store: &'a Store,
    at_first: Mutex<Option<usize>>,
}

impl Census<'_> {
    fn count(&self) -> usize {
        let blobs = fs_err::read_dir(self.store.root().join("blobs/sha256")).unwrap();
        blobs.count()
    }
}

impl Progress for Census<'_> {
    fn started(&self, _transfer: &Transfer) {
        self.at_first.lock().unwrap().get_or_insert_with(|| self.count());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn layers_are_compressed_while_others_are_sent_and_only_some_ahead() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = start(scratch.path(), Options::default());
    let here = World::new();
    let ahead = available_parallelism().unwrap().get() + quick().concurrency;
    let contents: Vec<_> = (0..ahead + 3).map(|seed| noise(2_000, seed as u64)).collect();
    let made = image(&here.store, &contents);
    let census = Census {
        store: &here.store,
        at_first: Mutex::new(None),
    };
    let before = census.count();
    let to = reference(&format!("{}/boat:1", registry.host()));
    let pushed = here
        .client(quick())
        .push(made.manifest, &to, &census, &never())
        .await
        .unwrap();
    assert_eq!(pushed.blobs.uploaded, contents.len() + 1);
    let at_first = census.at_first.lock().unwrap().unwrap() - before;
    assert!(at_first <= ahead, "{at_first} of at most {ahead}");
}

#[tokio::test]
async fn nothing_is_sent_to_a_name_with_another_digest() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = start(scratch.path(), Options::default());
    let here = World::new();
    let made = image(&here.store, &[noise(1_000, 7)]);
    // What is pushed is compressed anew, and has another digest than the store's.
    let to = reference(&format!("{}/boat@{}", registry.host(), made.manifest));
    let heard = Heard::default();
    let client = here.client(quick());
    let error = client
        .push(made.manifest, &to, &heard, &never())
        .await
        .unwrap_err();
    let DistributionError::OtherDigest { found, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(heard.count(Outcome::Moved), 0);
    let right = reference(&format!("{}/boat@{found}", registry.host()));
    let pushed = client
        .push(made.manifest, &right, &Silent, &never())
        .await
        .unwrap();
    assert_eq!((pushed.digest, pushed.blobs.uploaded), (found, 2));
}

#[tokio::test]
async fn a_registry_with_a_password_lets_in_who_knows_it() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = start(
        scratch.path(),
        Options {
            asks: true,
            tls: None,
        },
    );
    let here = World::new();
    let made = image(&here.store, &[noise(1_000_000, 5)]);
    let to = reference(&format!("{}/boat:1", registry.host()));
    for (password, expected) in [
        (Some("wrong"), Some(true)),
        (None, Some(false)),
        (Some("sesame"), None),
    ] {
        let mut settings = quick();
        if let Some(password) = password {
            let credential = Credential::basic("ada", password);
            settings.credentials = Arc::new(One::at(registry.host(), credential));
        }
        let client = here.client(settings);
        let checked = client.check(registry.host()).await;
        let pushed = client.push(made.manifest, &to, &Silent, &never()).await;
        match expected {
            None => assert!(checked.is_ok() && pushed.is_ok(), "{pushed:?}"),
            Some(expected) => {
                for error in [checked.unwrap_err(), pushed.unwrap_err()] {
                    assert!(
                        matches!(error, DistributionError::Denied { known, .. } if known == expected),
                        "{error:?}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_it_is_named_and_only_then() {
    let scratch = tempfile::tempdir().unwrap();
    let (authority, certificate, key) = certificates(scratch.path());
    let options = Options {
        asks: false,
        tls: Some((&certificate, &key)),
    };
    let registry = start(scratch.path(), options);
    let here = World::new();
    let made = image(&here.store, &[noise(1_000, 6)]);
    let to = reference(&format!("{}/boat:1", registry.host()));
    let strange = here
        .client(quick())
        .push(made.manifest, &to, &Silent, &never())
        .await
        .unwrap_err();
    assert_eq!(strange.class(), Class::Unavailable);
    assert!(
        strange.hint().unwrap().contains("CORACLE_REGISTRY_CA"),
        "{:?}",
        strange.hint()
    );
    let settings = Settings {
        more_authorities: Some(authority),
        ..quick()
    };
    here.client(settings)
        .push(made.manifest, &to, &Silent, &never())
        .await
        .unwrap();
}

/// Writes an authority, a certificate of it for 127.0.0.1, and its key.
fn certificates(folder: &Path) -> (PathBuf, PathBuf, PathBuf) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = own.signed_by(&key, &issuer).unwrap();
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        fs_err::write(&path, text).unwrap();
        path
    };
    (
        write("ca.pem", issuer.pem()),
        write("own.pem", certificate.pem()),
        write("own.key", key.serialize_pem()),
    )
}
