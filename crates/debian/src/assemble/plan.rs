//! What of a lock becomes which part.

use coracle_spec::Digest;

use crate::base_lock::{BaseLock, LockedPackage};

/// What of a lock becomes one part.
pub(super) struct Plan<'l> {
    pub(super) key: Digest,
    pub(super) packages: &'l [LockedPackage],
    pub(super) note: String,
}

/// Answers what the parts of a lock are made of, the shared one first.
pub(super) fn plans(lock: &BaseLock) -> Vec<Plan<'_>> {
    let shared = Plan {
        key: lock.shared_key(),
        packages: &lock.shared,
        note: format!("Debian {} base", lock.release),
    };
    let upper = Plan {
        key: lock.packages_key(),
        packages: &lock.packages,
        note: format!("Debian {} packages {}", lock.release, lock.roots.join(" "))
            .trim_end()
            .to_owned(),
    };
    std::iter::once(shared)
        .chain((!lock.packages.is_empty()).then_some(upper))
        .collect()
}
