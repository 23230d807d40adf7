//! The machine itself: kernel, memory, disk, descriptors.

use std::path::Path;

use fs_err as fs;
use rustix::fs::statvfs;
use rustix::process::{Resource, getrlimit};

use super::finding::{Finding, State};

/// The first kernel that overlays directories with mapped ids (Linux 5.19).
const KERNEL: (u32, u32) = (5, 19);
/// What a first build needs, in bytes: bases, a builder, caches.
const DISK: u64 = 2_000_000_000;
/// Of how many files that a file system can hold one must be left: unpacked trees are many small files.
const INODES: u64 = 20;
/// What a build and an instance need, in bytes.
const MEMORY: u64 = 500_000_000;
/// Sockets, pipes and namespaces of some hundred instances.
const DESCRIPTORS: u64 = 8192;

/// Checks the machine. `data` is where images and caches go.
pub(super) fn check(data: &Path) -> Vec<Finding> {
    vec![
        privileges(),
        kernel(&rustix::system::uname().release().to_string_lossy()),
        memory(&fs::read_to_string("/proc/meminfo").unwrap_or_default()),
        disk(data),
        descriptors(getrlimit(Resource::Nofile).maximum),
    ]
}

fn privileges() -> Finding {
    match coracle_keeper::check_privileges() {
        Ok(()) => Finding::good("privileges", "root, with all that sandboxes need"),
        Err(error) => Finding::failed("privileges", State::Missing, &error),
    }
}

fn kernel(release: &str) -> Finding {
    let mut parts = release.split(['.', '-']).map(str::parse);
    let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else {
        return Finding::doubtful(
            "kernel",
            format!("{release}: no version that is understood"),
            None,
        );
    };
    if (major, minor) < KERNEL {
        let advice = "install a newer kernel: sandboxes stack directories whose ids are mapped";
        return Finding::missing("kernel", format!("{release}, older than 5.19"), advice);
    }
    Finding::good("kernel", release)
}

fn memory(meminfo: &str) -> Finding {
    let available = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:")?.trim().strip_suffix(" kB"))
        .and_then(|kilobytes| kilobytes.parse::<u64>().ok());
    match available.map(|kilobytes| kilobytes << 10) {
        None => Finding::doubtful("memory", "the kernel does not say how much is available", None),
        Some(bytes) if bytes < MEMORY => Finding::doubtful(
            "memory",
            format!("{} available", gigabytes(bytes)),
            "builds and instances will be short of it: end something else",
        ),
        Some(bytes) => Finding::good("memory", format!("{} available", gigabytes(bytes))),
    }
}

fn disk(data: &Path) -> Finding {
    let there = data.ancestors().find(|path| path.exists()).unwrap_or(data);
    let Ok(file_system) = statvfs(there) else {
        let found = format!("cannot look at `{}`", there.display());
        return Finding::missing("disk", found, "name another directory with `--data DIR`");
    };
    let free = file_system.f_bavail.saturating_mul(file_system.f_frsize);
    let found = format!("{} free for `{}`", gigabytes(free), data.display());
    if free < DISK {
        let advice = "`coracle cache gc` frees what is not needed; `--data DIR` names another disk";
        return Finding::doubtful("disk", found, advice);
    }
    if file_system.f_files > 0 && file_system.f_favail < file_system.f_files / INODES {
        let found = format!("{found}, but few more files fit");
        return Finding::doubtful(
            "disk",
            found,
            "`coracle cache gc` removes files that are not needed",
        );
    }
    Finding::good("disk", found)
}

/// `maximum` is the hard limit, up to which the program raises its own; none means no limit.
fn descriptors(maximum: Option<u64>) -> Finding {
    match maximum {
        Some(maximum) if maximum < DESCRIPTORS => Finding::doubtful(
            "descriptors",
            format!("at most {maximum} open files"),
            "raise it: `ulimit -Hn 65536`, or `LimitNOFILE=65536` in a unit",
        ),
        Some(maximum) => Finding::good("descriptors", format!("up to {maximum} open files")),
        None => Finding::good("descriptors", "no limit of open files"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "one digit after the point is shown")]
fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_told_apart_by_their_first_two_numbers() {
        for (release, state) in [
            ("6.12.5-amd64", State::Good),
            ("5.19.0", State::Good),
            ("5.15.0-91-generic", State::Missing),
            ("4.19", State::Missing),
            ("mystery", State::Doubtful),
        ] {
            assert_eq!(kernel(release).state, state, "{release}");
        }
    }

    #[test]
    fn little_memory_and_few_descriptors_are_said() {
        let much = "MemTotal: 8000000 kB\nMemAvailable:    4194304 kB\n";
        assert_eq!(memory(much), Finding::good("memory", "4.3 GB available"));
        assert_eq!(memory("MemAvailable: 1024 kB\n").state, State::Doubtful);
        assert_eq!(memory("").state, State::Doubtful);
        assert_eq!(descriptors(Some(1024)).state, State::Doubtful);
        assert_eq!(descriptors(None).state, State::Good);
    }
}
