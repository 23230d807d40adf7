//! Who made a control group.

use std::ffi::OsStr;
use std::fmt;

use fs_err as fs;

/// A keeper as the name of a directory: its process and when that started, since numbers of processes come again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    name: String,
    pid: u32,
    started: u64,
}

impl Owner {
    /// Answers the calling process.
    pub(crate) fn current() -> std::io::Result<Self> {
        let pid = std::process::id();
        let started =
            started(pid).ok_or_else(|| std::io::Error::other("cannot read when this process started"))?;
        Ok(Self {
            name: format!("{pid}-{started}"),
            pid,
            started,
        })
    }

    /// Reads a directory's name; `None` for one that no keeper gave.
    pub(crate) fn parse(name: &OsStr) -> Option<Self> {
        let name = name.to_str()?;
        let (pid, started) = name.split_once('-')?;
        Some(Self {
            name: name.to_owned(),
            pid: pid.parse().ok()?,
            started: started.parse().ok()?,
        })
    }

    /// Answers the directory's name.
    pub(crate) fn as_str(&self) -> &str {
        &self.name
    }

    /// Answers whether that process still runs.
    pub(crate) fn is_alive(&self) -> bool {
        started(self.pid) == Some(self.started)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Answers the start time of a process in ticks since boot: the 22nd field of its `stat`, of which the second is the name
/// in parentheses and may hold anything (`proc_pid_stat(5)`). A zombie is not running.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_living_process_is_told_from_a_dead_one_and_from_its_successor() {
        let own = Owner::current().unwrap();
        assert_eq!(Owner::parse(OsStr::new(own.as_str())), Some(own.clone()));
        assert!(own.is_alive());
        assert!(
            !Owner {
                started: own.started + 1,
                ..own.clone()
            }
            .is_alive()
        );
        assert!(!Owner { pid: u32::MAX, ..own }.is_alive());
        for other in ["", "docker", "12", "12-x", "x-12"] {
            assert_eq!(Owner::parse(OsStr::new(other)), None, "{other}");
        }
    }
}
