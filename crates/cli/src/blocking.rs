//! Work that blocks, on a thread of its own.

/// Does `work` and waits for it; its panic is the caller's. Given up, it goes on until the process ends.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}
