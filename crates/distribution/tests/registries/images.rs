//! Images to push and pull, and who hears about it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use coracle_content::Store;
use coracle_distribution::{Client, Outcome, Patience, Progress, Settings, Transfer};
use coracle_oci::{
    Image, ImageConfig, Layer, LayerOptions, LayerWriter, Metadata, OWN_ARCHITECTURE, assemble, write_layer,
};
use coracle_spec::manifest::Platform;
use coracle_spec::{Digest, ImageRef};
use coracle_tasks::CancellationToken;

/// A store of its own.
pub(crate) struct World {
    _root: tempfile::TempDir,
    pub(crate) store: Store,
}

impl World {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(&root.path().join("store")).unwrap();
        Self { _root: root, store }
    }

    pub(crate) fn client(&self, settings: Settings) -> Client {
        Client::new(self.store.clone(), settings)
    }
}

/// Settings of one who does not wait long.
pub(crate) fn quick() -> Settings {
    Settings {
        patience: Patience {
            backoff: Duration::from_millis(1),
            ..Patience::default()
        },
        ..Settings::default()
    }
}

/// Makes an image of layers with these contents.
pub(crate) fn image(store: &Store, contents: &[Vec<u8>]) -> Image {
    image_for(store, contents, OWN_ARCHITECTURE)
}

pub(crate) fn image_for(store: &Store, contents: &[Vec<u8>], architecture: &str) -> Image {
    let layers: Vec<Layer> = contents.iter().map(|content| layer(store, content)).collect();
    let config = ImageConfig {
        architecture: architecture.to_owned(),
        cmd: vec!["/boat".to_owned()],
        ..ImageConfig::default()
    };
    assemble(store, &config, &layers).unwrap()
}

fn layer(store: &Store, content: &[u8]) -> Layer {
    let fill = |writer: &mut LayerWriter| writer.bytes("boat", &Metadata::file(), content);
    write_layer(store, &LayerOptions::default(), fill).unwrap()
}

/// Bytes that no compression makes smaller.
pub(crate) fn noise(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::with_capacity(size);
    while bytes.len() < size {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&(state >> 16).to_le_bytes()[..4]);
    }
    bytes
}

pub(crate) const OWN: Platform = if cfg!(target_arch = "aarch64") {
    Platform::LinuxArm64
} else {
    Platform::LinuxAmd64
};

pub(crate) fn reference(text: &str) -> ImageRef {
    text.parse().unwrap()
}

pub(crate) fn never() -> CancellationToken {
    CancellationToken::new()
}

/// Remembers how transfers ended.
#[derive(Default)]
pub(crate) struct Heard {
    ends: Mutex<BTreeMap<Digest, Outcome>>,
    bytes: Mutex<u64>,
}

impl Heard {
    pub(crate) fn count(&self, wanted: Outcome) -> usize {
        self.ends
            .lock()
            .unwrap()
            .values()
            .filter(|outcome| **outcome == wanted)
            .count()
    }

    pub(crate) fn bytes(&self) -> u64 {
        *self.bytes.lock().unwrap()
    }
}

impl Progress for Heard {
    fn advanced(&self, _transfer: &Transfer, bytes: u64) {
        *self.bytes.lock().unwrap() += bytes;
    }

    fn ended(&self, transfer: &Transfer, outcome: Outcome) {
        self.ends.lock().unwrap().insert(transfer.digest, outcome);
    }
}
