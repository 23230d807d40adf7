//! What a program and all that it started take of memory: the sum of their proportional set sizes, in which what
//! several processes share counts once. What the kernel keeps for them, files' pages above all, is not in it.

use std::collections::BTreeMap;
use std::path::Path;

/// Answers the memory of the processes that `is_root` says and of all below them, in bytes.
pub(super) fn of(is_root: impl Fn(u32) -> bool) -> u64 {
    let parents = parents();
    let mut family: Vec<u32> = parents.keys().copied().filter(|pid| is_root(*pid)).collect();
    let mut next = 0;
    while let Some(above) = family.get(next).copied() {
        next += 1;
        let children = parents.iter().filter(|(_, parent)| **parent == above);
        let children: Vec<u32> = children.map(|(pid, _)| *pid).collect();
        family.extend(
            children
                .into_iter()
                .filter(|pid| !family.contains(pid))
                .collect::<Vec<_>>(),
        );
    }
    family.into_iter().filter_map(proportional).sum()
}

/// Answers whether `text` is among what a process was started with.
pub(super) fn was_started_with(process: u32, text: &Path) -> bool {
    let line = fs_err::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    let text = text.as_os_str().as_encoded_bytes();
    line.split(|byte| *byte == 0).any(|word| word.starts_with(text))
}

/// Answers the parent of each process.
fn parents() -> BTreeMap<u32, u32> {
    let entries = fs_err::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    processes
        .filter_map(|process| Some((process, parent(process)?)))
        .collect()
}

/// Reads `/proc/PID/stat` (proc(5)): what follows the name in parentheses is the state, then the parent.
fn parent(process: u32) -> Option<u32> {
    let text = fs_err::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    rest.split(' ').nth(1)?.parse().ok()
}

fn proportional(process: u32) -> Option<u64> {
    let text = fs_err::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes << 10)
}
