//! What this process must be allowed to do before it can keep sandboxes, or make layers for them.

use coracle_spec::{Class, Failure};
use rustix::thread::{CapabilitySet, capabilities};

/// What sandboxes and their layers are made with, and root has unless somebody took it away: files of other users,
/// user ids, namespaces and mounts.
const NEEDED: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SYS_ADMIN);

/// Why this process may not keep sandboxes.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unprivileged {
    /// Another user than root runs it.
    #[error("sandboxes need root")]
    NotRoot,
    /// Root runs it, without all that root usually may.
    #[error("sandboxes need {}", .0.join(", "))]
    Lacking(Vec<String>),
}

impl Failure for Unprivileged {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::NotRoot => {
                    "run this as root, for example with `sudo`: control groups, mounts and user ids need it"
                }
                Self::Lacking(_) => {
                    "this root is a restricted one; in a container, start that with `--privileged`"
                }
            }
            .to_owned(),
        )
    }
}

/// Answers whether this process may keep sandboxes. Costs one system call, so that a verb can ask before it begins.
pub fn check_privileges() -> Result<(), Unprivileged> {
    if !rustix::process::geteuid().is_root() {
        return Err(Unprivileged::NotRoot);
    }
    // A kernel that does not tell gets the benefit of the doubt.
    capabilities(None).map_or(Ok(()), |sets| lacking(sets.effective))
}

fn lacking(held: CapabilitySet) -> Result<(), Unprivileged> {
    let missing = NEEDED.difference(held);
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.iter_names().map(|(name, _)| format!("CAP_{name}"));
    Err(Unprivileged::Lacking(names.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_restricted_root_lacks_is_named() {
        assert_eq!(lacking(CapabilitySet::all()), Ok(()));
        let held = CapabilitySet::all().difference(CapabilitySet::SYS_ADMIN | CapabilitySet::CHOWN);
        let error = lacking(held).unwrap_err();
        assert_eq!(error.to_string(), "sandboxes need CAP_CHOWN, CAP_SYS_ADMIN");
    }
}
