//! What a transfer tells its caller while it runs.

/// Hears about a transfer while it runs; shared by the threads of parallel transfers.
pub trait Progress: Sync {
    /// Called when `bytes` more bytes have arrived.
    fn advanced(&self, bytes: u64);

    /// Answers whether the caller has lost interest: the transfer then ends with
    /// [`FetchError::Cancelled`](crate::FetchError::Cancelled).
    fn cancelled(&self) -> bool {
        false
    }
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn advanced(&self, _bytes: u64) {}
}
