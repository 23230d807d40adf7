//! What assembling a base tells its caller while it runs.

/// A part of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Reading the archive's lists of packages.
    Index,
    /// Downloading packages.
    Download,
    /// Unpacking packages.
    Unpack,
    /// Writing layers.
    Layer,
}

/// Hears about the work while it runs; called from several threads.
pub trait Progress: Sync {
    /// Called when the size of a phase is known, before the first [`advanced`](Self::advanced) of it.
    fn started(&self, phase: Phase, total: u64);

    /// Called when `bytes` more bytes of a phase are done.
    fn advanced(&self, phase: Phase, bytes: u64);

    /// Called when `package` is unpacked whose installation would do something that is not done here, such as
    /// "makes users". What was made before is not mentioned again.
    fn missed(&self, package: &str, effect: &'static str) {
        tracing::warn!(package, effect, "the package's installation script is not run");
    }

    /// Answers whether the caller has lost interest; the work then ends with an error soon.
    fn cancelled(&self) -> bool {
        false
    }
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn started(&self, _phase: Phase, _total: u64) {}

    fn advanced(&self, _phase: Phase, _bytes: u64) {}
}

/// Passes the bytes of downloads on as one phase.
pub(crate) struct Downloading<'a> {
    pub(crate) progress: &'a dyn Progress,
    pub(crate) phase: Phase,
}

impl coracle_fetch::Progress for Downloading<'_> {
    fn advanced(&self, bytes: u64) {
        self.progress.advanced(self.phase, bytes);
    }

    fn cancelled(&self) -> bool {
        self.progress.cancelled()
    }
}
