//! What system calls the program of a sandbox may make.
//!
//! Two filters stand on each other, because a filter knows one answer for what it lists and one for the rest. The first
//! knows the calls of the table and answers `ENOSYS` to every other one, as an older kernel would: glibc and libuv then
//! fall back (from `clone3`, whose flags a filter cannot see, to `clone`; from `io_uring` to threads). The second
//! answers `EPERM` to those that are known and forbidden. The stricter answer wins (seccomp(2)).

mod table;

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::io;
use std::rc::Rc;

use coracle_sandbox::Profile;
use coracle_spec::{Class, Failure};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

/// The kinds of namespaces that `clone` may not make (clone(2)).
const NAMESPACE_FLAGS: [i32; 8] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    0x80, // CLONE_NEWTIME
];
/// The kinds of sockets that may be made: others reach drivers that few programs test.
const SOCKET_FAMILIES: [i32; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
/// The execution domains that may be asked for: the default, a 32-bit one, and the question itself.
const PERSONALITIES: [u64; 5] = [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/// Why the filters cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot compile the filters of system calls")]
pub(crate) struct SeccompError(#[from] BackendError);

impl Failure for SeccompError {
    fn class(&self) -> Class {
        Class::Internal
    }
}

/// Both filters of a profile, compiled.
#[derive(Debug, Clone)]
pub(crate) struct Filters {
    known: Rc<BpfProgram>,
    forbidden: Rc<BpfProgram>,
}

impl Filters {
    /// Compiles the filters of `profile` for this machine.
    pub(crate) fn of(profile: Profile) -> Result<Self, SeccompError> {
        Ok(Self {
            known: Rc::new(known()?),
            forbidden: Rc::new(forbidden(profile)?),
        })
    }

    /// Puts this process under both for the rest of its life.
    pub(crate) fn apply(&self) -> io::Result<()> {
        for program in [&self.forbidden, &self.known] {
            seccompiler::apply_filter(program).map_err(io::Error::other)?;
        }
        Ok(())
    }
}

fn known() -> Result<BpfProgram, BackendError> {
    let rules = table::ALLOWED
        .iter()
        .chain(table::FORBIDDEN)
        .chain(table::TRACING)
        .map(|call| (*call, Vec::new()))
        .collect();
    compile(
        rules,
        SeccompAction::Errno(errno(libc::ENOSYS)),
        SeccompAction::Allow,
    )
}

fn forbidden(profile: Profile) -> Result<BpfProgram, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        table::FORBIDDEN.iter().map(|call| (*call, Vec::new())).collect();
    if profile == Profile::Run {
        rules.extend(table::TRACING.iter().map(|call| (*call, Vec::new())));
    }
    rules.insert(libc::SYS_clone, namespaces_of_clone()?);
    rules.insert(
        libc::SYS_socket,
        vec![none_of(
            0,
            SOCKET_FAMILIES.map(|family| u64::try_from(family).unwrap_or_default()),
        )?],
    );
    rules.insert(libc::SYS_personality, vec![none_of(0, PERSONALITIES)?]);
    // Typing into the terminal that a process was started from (ioctl_tty(2)).
    rules.insert(
        libc::SYS_ioctl,
        vec![equal(1, libc::TIOCSTI)?, equal(1, libc::TIOCLINUX)?],
    );
    compile(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(errno(libc::EPERM)),
    )
}

fn compile(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    listed: SeccompAction,
) -> Result<BpfProgram, BackendError> {
    SeccompFilter::new(rules, otherwise, listed, ARCH.try_into()?)?.try_into()
}

/// One rule for each kind, since any of them suffices.
fn namespaces_of_clone() -> Result<Vec<SeccompRule>, BackendError> {
    NAMESPACE_FLAGS
        .iter()
        .map(|flag| {
            let bit = u64::from(flag.cast_unsigned());
            let condition =
                SeccompCondition::new(0, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(bit), bit)?;
            SeccompRule::new(vec![condition])
        })
        .collect()
}

fn none_of<const N: usize>(argument: u8, values: [u64; N]) -> Result<SeccompRule, BackendError> {
    let conditions = values
        .iter()
        .map(|value| SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, *value))
        .collect::<Result<_, _>>()?;
    SeccompRule::new(conditions)
}

fn equal(argument: u8, value: u64) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(
        argument,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::Eq,
        value,
    )?])
}

fn errno(number: i32) -> u32 {
    number.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_profile_compiles() {
        for profile in [Profile::Run, Profile::Image, Profile::Build] {
            Filters::of(profile).unwrap();
        }
    }

    #[test]
    fn no_call_is_both_allowed_and_forbidden() {
        let allowed: BTreeSet<i64> = table::ALLOWED.iter().copied().collect();
        for call in table::FORBIDDEN.iter().chain(table::TRACING) {
            assert!(!allowed.contains(call), "{call}");
        }
        assert_eq!(allowed.len(), table::ALLOWED.len(), "a call is listed twice");
    }
}
