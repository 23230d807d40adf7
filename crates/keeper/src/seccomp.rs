//! What system calls the program of a sandbox may make.
//!
//! Two filters stand on each other. The first decides by a call's number: what the table does not know fails with
//! `ENOSYS`, as on an older kernel, and glibc and libuv fall back (from `clone3`, whose flags a filter cannot see, to
//! `clone`; from `io_uring` to threads); what is known and forbidden fails with `EPERM`. The second looks at the
//! arguments of the few calls that are allowed in part. The stricter answer wins (seccomp(2)).

mod numbers;
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

use self::numbers::{TooLong, Verdict};

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
const UNKNOWN: Verdict = Verdict::Fail(libc::ENOSYS);
const FORBIDDEN: Verdict = Verdict::Fail(libc::EPERM);

/// Why the filters cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot compile the filters of system calls")]
pub(crate) enum SeccompError {
    /// That of arguments.
    Arguments(#[from] BackendError),
    /// That of numbers.
    Numbers(#[from] TooLong),
}

impl Failure for SeccompError {
    fn class(&self) -> Class {
        Class::Internal
    }
}

/// Both filters of a profile, compiled.
#[derive(Debug, Clone)]
pub(crate) struct Filters {
    numbers: Rc<BpfProgram>,
    arguments: Rc<BpfProgram>,
}

impl Filters {
    /// Compiles the filters of `profile` for this machine.
    pub(crate) fn of(profile: Profile) -> Result<Self, SeccompError> {
        Ok(Self {
            numbers: Rc::new(numbers::compile(&verdicts(profile), UNKNOWN)?),
            arguments: Rc::new(arguments()?),
        })
    }

    /// Puts this process under both for the rest of its life.
    pub(crate) fn apply(&self) -> io::Result<()> {
        for program in [&self.arguments, &self.numbers] {
            seccompiler::apply_filter(program).map_err(io::Error::other)?;
        }
        Ok(())
    }
}

/// Answers what becomes of each known call.
fn verdicts(profile: Profile) -> BTreeMap<u32, Verdict> {
    let tracing = match profile {
        Profile::Run => FORBIDDEN,
        Profile::Image | Profile::Build => Verdict::Allow,
    };
    let lists = [
        (table::ALLOWED, Verdict::Allow),
        (table::FORBIDDEN, FORBIDDEN),
        (table::TRACING, tracing),
    ];
    let verdicts = lists.into_iter().flat_map(|(calls, verdict)| {
        let numbers = calls.iter().filter_map(|call| u32::try_from(*call).ok());
        numbers.map(move |number| (number, verdict))
    });
    verdicts.collect()
}

fn arguments() -> Result<BpfProgram, BackendError> {
    let families = SOCKET_FAMILIES.map(|family| u64::try_from(family).unwrap_or_default());
    let rules = BTreeMap::from([
        (libc::SYS_clone, namespaces_of_clone()?),
        (libc::SYS_socket, vec![none_of(0, families)?]),
        (libc::SYS_personality, vec![none_of(0, PERSONALITIES)?]),
        // Typing into the terminal that a process was started from (ioctl_tty(2)).
        (
            libc::SYS_ioctl,
            vec![equal(1, libc::TIOCSTI)?, equal(1, libc::TIOCLINUX)?],
        ),
    ]);
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, refused, ARCH.try_into()?)?.try_into()
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

    #[test]
    fn applications_may_not_trace_and_what_builds_may() {
        let ptrace = u32::try_from(libc::SYS_ptrace).unwrap();
        assert_eq!(verdicts(Profile::Run)[&ptrace], FORBIDDEN);
        assert_eq!(verdicts(Profile::Build)[&ptrace], Verdict::Allow);
    }
}
