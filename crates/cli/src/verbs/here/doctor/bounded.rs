//! Looking at something that blocks, but not for ever.

use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::finding::Finding;

/// How long each look may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits for `look`, and says so when it takes too long.
pub(super) async fn bounded(
    check: &'static str,
    look: impl FnOnce() -> Vec<Finding> + Send + 'static,
) -> Vec<Finding> {
    match timeout(PATIENCE, spawn_blocking(look)).await {
        Ok(Ok(findings)) => findings,
        Ok(Err(error)) => vec![Finding::missing(check, error.to_string(), None)],
        Err(_) => {
            let found = format!("no answer within {} s", PATIENCE.as_secs());
            vec![Finding::missing(
                check,
                found,
                "check the network, and `HTTPS_PROXY` behind a proxy",
            )]
        }
    }
}
