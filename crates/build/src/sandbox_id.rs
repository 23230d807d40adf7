//! Names for the sandboxes of build steps.

use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use coracle_sandbox::SandboxId;

static NEXT: AtomicU64 = AtomicU64::new(0);

/// Answers a name that no other living sandbox on this machine has.
pub(crate) fn next() -> SandboxId {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    #[expect(clippy::expect_used, reason = "letters, digits and dashes are an identifier")]
    format!("build-{}-{number}", process::id())
        .parse()
        .expect("a sandbox identifier")
}
