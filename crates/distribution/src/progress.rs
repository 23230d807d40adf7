//! What a pull or a push tells its caller while it runs.

use coracle_spec::Digest;

/// Something that is moved between a registry and the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// What it is.
    pub part: Part,
}

/// What of an image is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A layer.
    Layer,
    /// The configuration.
    Config,
}

/// How a transfer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its bytes were moved.
    Moved,
    /// The other side had it.
    Present,
    /// The registry took it from another of its repositories.
    Mounted,
}

/// Hears about transfers while they run; several run at once.
pub trait Progress: Send + Sync {
    /// Called when a transfer begins.
    fn started(&self, _transfer: &Transfer) {}

    /// Called when `bytes` more bytes of it were moved. An upload that breaks and begins again counts again.
    fn advanced(&self, _transfer: &Transfer, _bytes: u64) {}

    /// Called when it has ended well.
    fn ended(&self, _transfer: &Transfer, _outcome: Outcome) {}
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {}
