//! The workers that wait for something to do.
//!
//! A new one takes the place of one that was used, but not at once: it joins control groups, which locks out every fork
//! on the machine for some milliseconds, and its set-up wants the processor that the sandbox being created and its
//! program want too. Restocking right away, the obvious choice, made creations half as long again.

use std::io;
use std::time::{Duration, Instant};

use rustix::process::Pid;

use super::janitor;
use super::state::Keeper;
use crate::worker::Worker;

/// How many workers wait for something to do.
const SPARE_WORKERS: usize = 2;
/// How long nothing must have been created or started before more are made …
const QUIET: Duration = Duration::from_millis(100);
/// … unless it has never been quiet for that long.
const LONGEST: Duration = Duration::from_secs(1);

/// The workers that wait, and when there are to be more.
#[derive(Debug, Default)]
pub(super) struct Stock {
    workers: Vec<Worker>,
    created: u32,
    /// When something was last created or started; `None` when that was long enough ago.
    touched: Option<Instant>,
    /// Since when workers are missing.
    short: Option<Instant>,
}

impl Stock {
    /// Notes that something is created or started now.
    pub(super) fn touch(&mut self) {
        self.touched = Some(Instant::now());
    }

    /// Tries again later.
    fn put_off(&mut self) {
        self.touch();
        self.short = Some(Instant::now());
    }

    /// Lets go of all of them, which ends them.
    pub(super) fn clear(&mut self) {
        self.workers.clear();
    }

    /// Answers when more are to be made, if any are missing.
    fn due(&self) -> Option<Instant> {
        let short = self.short?;
        let quiet = self.touched.map_or(short, |touched| touched + QUIET);
        Some(quiet.min(short + LONGEST))
    }

    /// Notes since when workers are missing.
    fn count(&mut self) {
        if self.workers.len() >= SPARE_WORKERS {
            self.short = None;
        } else {
            self.short.get_or_insert_with(Instant::now);
        }
    }
}

impl Keeper {
    /// Forks workers ahead, when it is time. When the system has no process left, the next creation tries again, and
    /// says so.
    pub(super) fn restock(&mut self) {
        self.stock.count();
        if self.next_restocking().is_none_or(|due| due > Instant::now()) {
            return;
        }
        while self.stock.workers.len() < SPARE_WORKERS {
            match self.fork_worker() {
                Ok(worker) => self.stock.workers.push(worker),
                Err(_) => return self.stock.put_off(),
            }
        }
        self.stock.count();
    }

    /// Answers when workers are to be forked ahead, if any are missing.
    pub(super) fn next_restocking(&self) -> Option<Instant> {
        self.stock.due().filter(|_| !self.is_ending())
    }

    /// Takes a worker that waits, or makes one.
    pub(super) fn take_worker(&mut self) -> io::Result<Worker> {
        self.stock.touch();
        match std::iter::from_fn(|| self.stock.workers.pop()).find(Worker::is_waiting) {
            Some(worker) => Ok(worker),
            None => self.fork_worker(),
        }
    }

    /// Forks a worker with the next number.
    fn fork_worker(&mut self) -> io::Result<Worker> {
        let number = self.stock.created;
        self.stock.created = number.wrapping_add(1);
        Worker::fork(&self.prepared.workshop, number)
    }

    /// A worker that had nothing to do has ended, or an orphan. What cannot be cleared away now is at the end.
    pub(super) fn spare_ended(&mut self, pid: Pid) {
        let Some(at) = self.stock.workers.iter().position(|worker| worker.pid() == pid) else {
            return;
        };
        let worker = self.stock.workers.remove(at);
        let _ = janitor::start(&self.prepared.workshop.groups.of(worker.number()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_made_when_it_is_quiet_and_in_the_end_anyway() {
        let mut stock = Stock::default();
        assert_eq!(stock.due(), None, "nobody has counted");
        stock.count();
        let short = stock.short.unwrap();
        assert_eq!(stock.due(), Some(short), "the first are made at once");
        stock.touched = Some(short);
        assert_eq!(stock.due(), Some(short + QUIET));
        stock.touched = Some(short + Duration::from_mins(1));
        assert_eq!(stock.due(), Some(short + LONGEST));
    }
}
