//! What a step resulted in, as the cache keeps it.

use std::path::PathBuf;

use coracle_content::{Store, StoreError};
use coracle_oci::{Layer, UnpackError, unpack};
use coracle_spec::Digest;
use serde::{Deserialize, Serialize};

/// The kind of record that results of steps are kept as.
const KIND: &str = "steps";

/// What a step resulted in, lowest part first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    parts: Vec<Part>,
}

/// A part of a root file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Part {
    /// A layer, for images and for steps.
    Layer(Layer),
    /// An unpacked tree without a layer: the root of a build, which no image contains.
    Tree(Digest),
}

impl Outcome {
    /// Makes the outcome of layers, lowest first.
    pub(crate) fn of_layers(layers: Vec<Layer>) -> Self {
        Self {
            parts: layers.into_iter().map(Part::Layer).collect(),
        }
    }

    /// Makes the outcome of unpacked trees, lowest first.
    pub(crate) fn of_trees(trees: impl IntoIterator<Item = Digest>) -> Self {
        Self {
            parts: trees.into_iter().map(Part::Tree).collect(),
        }
    }

    /// Looks up what the step with this key resulted in. A result of which a part is gone is absent.
    pub(crate) fn cached(store: &Store, key: &Digest) -> Result<Option<Self>, StoreError> {
        let Some(outcome) = store.record::<Self>(KIND, key)? else {
            return Ok(None);
        };
        for part in &outcome.parts {
            if !part.is_there(store)? {
                return Ok(None);
            }
        }
        Ok(Some(outcome))
    }

    /// Notes that the step's result was of use, although nobody had to look at it: it is collected later.
    pub(crate) fn used(store: &Store, key: &Digest) {
        store.use_record(KIND, key);
    }

    /// Keeps the result of the step with this key.
    pub(crate) fn keep(&self, store: &Store, key: &Digest) -> Result<(), StoreError> {
        store.put_record(KIND, key, self)
    }

    /// Answers the layers.
    pub(crate) fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.parts.iter().filter_map(|part| match part {
            Part::Layer(layer) => Some(layer),
            Part::Tree(_) => None,
        })
    }

    /// Answers where the parts lie, unpacked.
    pub(crate) fn roots(&self, store: &Store) -> Result<Vec<PathBuf>, UnpackError> {
        self.parts
            .iter()
            .filter_map(|part| part.root(store).transpose())
            .collect()
    }
}

impl Part {
    fn is_there(&self, store: &Store) -> Result<bool, StoreError> {
        Ok(match self {
            Self::Layer(layer) => store.blob(&layer.digest)?.is_some(),
            Self::Tree(digest) => store.tree(digest)?.is_some(),
        })
    }

    fn root(&self, store: &Store) -> Result<Option<PathBuf>, UnpackError> {
        Ok(match self {
            Self::Layer(layer) => Some(unpack(store, layer)?.path().to_owned()),
            Self::Tree(digest) => store.tree(digest)?.map(|tree| tree.path().to_owned()),
        })
    }
}

impl From<Layer> for Outcome {
    fn from(layer: Layer) -> Self {
        Self::of_layers(vec![layer])
    }
}
