//! What the process list of a sandbox shows of its first process: its name, and not the keeper's arguments, which name
//! directories of the host.
//!
//! Setting other bounds of the arguments (`PR_SET_MM`) would need a capability over the host, so they are overwritten
//! where they are.

use std::io;

use fs_err as fs;

const NAME: &[u8] = b"coracle-init";

/// Overwrites this process's arguments with its name.
pub(super) fn overwrite() -> io::Result<()> {
    let line = fs::read_to_string("/proc/self/stat")?;
    let (start, end) = bounds(&line).ok_or_else(|| io::Error::other("`/proc/self/stat` cannot be read"))?;
    let mut shown = vec![0; end.saturating_sub(start)];
    shown.iter_mut().zip(NAME).for_each(|(to, from)| *to = *from);
    let arguments = std::ptr::with_exposed_provenance_mut::<u8>(start);
    // SAFETY: the kernel put the arguments there when the program was executed, in this process's own writable stack,
    // and this process, which executes no other part of the program, never looks at them again.
    unsafe { std::ptr::copy_nonoverlapping(shown.as_ptr(), arguments, shown.len()) };
    Ok(())
}

/// Reads where the arguments start and end: fields 48 and 49 (`proc_pid_stat(5)`), counted from behind the name, which may
/// hold anything.
fn bounds(stat: &str) -> Option<(usize, usize)> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split_ascii_whitespace().skip(48 - 3);
    let mut next = || fields.next()?.parse().ok().filter(|address| *address != 0);
    Some((next()?, next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_found_behind_any_name_and_only_if_they_are_told() {
        let stat = |start: u64, end: u64| {
            let before: Vec<String> = (4..48).map(|field| field.to_string()).collect();
            format!("7 (a) b) S {} {start} {end} 50 51 0\n", before.join(" "))
        };
        assert_eq!(bounds(&stat(140, 160)), Some((140, 160)));
        assert_eq!(bounds(&stat(0, 0)), None);
        assert_eq!(bounds("7 (a) S 1"), None);
    }

    #[test]
    fn the_kernel_tells_this_processes_bounds() {
        let line = fs::read_to_string("/proc/self/stat").unwrap();
        let (start, end) = bounds(&line).unwrap();
        let shown = fs::read("/proc/self/cmdline").unwrap();
        assert_eq!(end - start, shown.len());
    }
}
