//! A filter that decides by the number of the call alone, as a search tree.
//!
//! `seccompiler` compares a call with one number after the other. The kernel tries every number when a filter is put on
//! (`seccomp_cache_prepare`, since Linux 5.11), so three hundred comparisons each cost 2 ms there, which every start has
//! to wait for. Runs of numbers with the same verdict, searched by halves, need six comparisons.

use std::collections::BTreeMap;

use seccompiler::{BpfProgram, sock_filter};

/// Where a filter finds what it judges (`struct seccomp_data`, seccomp(2)).
const NUMBER_OFFSET: u32 = 0;
const ARCHITECTURE_OFFSET: u32 = 4;
/// `AUDIT_ARCH_*` of linux/audit.h: the ELF machine, 64 bits wide, little-endian.
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;

// Instructions of classic BPF (linux/bpf_common.h).
const LOAD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// This filter lets it pass.
    Allow,
    /// It fails with this error.
    Fail(i32),
}

impl Verdict {
    /// Answers what a filter returns for it.
    fn value(self) -> u32 {
        match self {
            Self::Allow => libc::SECCOMP_RET_ALLOW,
            Self::Fail(errno) => libc::SECCOMP_RET_ERRNO | errno.unsigned_abs(),
        }
    }
}

/// The calls are too many and too scattered for jumps of 255 instructions.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the table of system calls is too long for a filter")]
pub(crate) struct TooLong;

/// Compiles `verdicts` by number, and `otherwise` for every other number. A call of another architecture ends the
/// process: its numbers mean something else.
pub(super) fn compile(verdicts: &BTreeMap<u32, Verdict>, otherwise: Verdict) -> Result<BpfProgram, TooLong> {
    let mut program = vec![
        load(ARCHITECTURE_OFFSET),
        instruction(JUMP_IF_EQUAL, (1, 0), ARCHITECTURE),
        result(libc::SECCOMP_RET_KILL_PROCESS),
        load(NUMBER_OFFSET),
    ];
    program.extend(tree(&runs(verdicts, otherwise))?);
    Ok(program)
}

/// Answers where each run of numbers with the same verdict begins, the first at 0.
fn runs(verdicts: &BTreeMap<u32, Verdict>, otherwise: Verdict) -> Vec<(u32, Verdict)> {
    let mut runs = vec![(0, otherwise)];
    for (number, verdict) in verdicts {
        begin(&mut runs, *number, *verdict);
        begin(&mut runs, number + 1, otherwise);
    }
    runs
}

/// Begins a run, in place of one that would be empty, or goes on with one of the same verdict.
fn begin(runs: &mut Vec<(u32, Verdict)>, at: u32, verdict: Verdict) {
    runs.pop_if(|(begun, _)| *begun == at);
    if runs.last().is_none_or(|(_, last)| *last != verdict) {
        runs.push((at, verdict));
    }
}

fn tree(runs: &[(u32, Verdict)]) -> Result<BpfProgram, TooLong> {
    match runs {
        [] => Ok(Vec::new()),
        [(_, verdict)] => Ok(vec![result(verdict.value())]),
        _ => {
            let (below, above) = runs.split_at(runs.len() / 2);
            let lower = tree(below)?;
            let distance = u8::try_from(lower.len()).map_err(|_| TooLong)?;
            let compare = instruction(JUMP_IF_AT_LEAST, (distance, 0), above[0].0);
            Ok([vec![compare], lower, tree(above)?].concat())
        }
    }
}

fn load(offset: u32) -> sock_filter {
    instruction(LOAD, (0, 0), offset)
}

fn result(value: u32) -> sock_filter {
    instruction(RETURN, (0, 0), value)
}

/// `jumps` are how many instructions to skip if the condition holds, and if not.
fn instruction(code: u16, jumps: (u8, u8), k: u32) -> sock_filter {
    sock_filter {
        code,
        jt: jumps.0,
        jf: jumps.1,
        k,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Runs a program as the kernel would, and answers what it returns after how many comparisons.
    fn judged(program: &[sock_filter], architecture: u32, number: u32) -> (u32, usize) {
        let (mut at, mut loaded, mut comparisons) = (0, 0, 0);
        loop {
            let now = &program[at];
            at += 1;
            let holds = match now.code {
                LOAD if now.k == NUMBER_OFFSET => {
                    loaded = number;
                    continue;
                }
                LOAD => {
                    loaded = architecture;
                    continue;
                }
                RETURN => return (now.k, comparisons),
                JUMP_IF_EQUAL => loaded == now.k,
                JUMP_IF_AT_LEAST => loaded >= now.k,
                other => panic!("instruction {other:#x}"),
            };
            comparisons += 1;
            at += usize::from(if holds { now.jt } else { now.jf });
        }
    }

    const EPERM: Verdict = Verdict::Fail(libc::EPERM);
    const ENOSYS: Verdict = Verdict::Fail(libc::ENOSYS);

    #[test]
    fn a_call_of_another_architecture_ends_the_process() {
        let program = compile(&BTreeMap::from([(3, Verdict::Allow)]), ENOSYS).unwrap();
        assert_eq!(judged(&program, ARCHITECTURE, 3).0, libc::SECCOMP_RET_ALLOW);
        assert_eq!(judged(&program, 0x4000_0003, 3).0, libc::SECCOMP_RET_KILL_PROCESS);
    }

    #[test]
    fn what_is_too_scattered_is_an_error() {
        let scattered = (0..2000).map(|number| (number * 2, EPERM)).collect();
        assert!(compile(&scattered, ENOSYS).is_err());
    }

    proptest! {
        #[test]
        fn every_number_gets_its_verdict_after_a_few_comparisons(
            table in proptest::collection::btree_map(0_u32..450, any::<bool>(), 0..200),
        ) {
            let verdicts = table.iter().map(|(number, allowed)| (*number, if *allowed { Verdict::Allow } else { EPERM }));
            let verdicts: BTreeMap<u32, Verdict> = verdicts.collect();
            let program = compile(&verdicts, ENOSYS).unwrap();
            for number in (0..460).chain([0x4000_0000, u32::MAX]) {
                let expected = verdicts.get(&number).copied().unwrap_or(ENOSYS);
                let (value, comparisons) = judged(&program, ARCHITECTURE, number);
                prop_assert_eq!(value, expected.value());
                prop_assert!(comparisons <= 11);
            }
        }
    }
}
