//! Brings package files into the store and hands them to those who unpack them, both at once.
//!
//! ```text
//! missing, largest first ──▶ 6 downloads ──▶ queue ──▶ one unpacker per processor
//! already in the store ──────────────────────▲
//! ```

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use coracle_content::Blob;

use crate::assemble::AssembleError;
use crate::base_lock::LockedPackage;
use crate::depot::{Depot, DepotError, Wanted};
use crate::progress::Phase;
use crate::suites::join;

/// How many files are downloaded at once: enough to fill a line, few enough for mirrors to tolerate.
const CONNECTIONS: usize = 6;

/// The most processors used to unpack.
const UNPACKERS: usize = 8;

/// Brings package files.
pub(crate) struct Supply<'a> {
    pub(crate) depot: Depot<'a>,
}

/// The files that are still to be brought, and the first thing that went wrong.
struct Work<'p> {
    missing: Mutex<VecDeque<(usize, &'p LockedPackage)>>,
    failure: Mutex<Option<AssembleError>>,
}

impl<'p> Work<'p> {
    fn next(&self) -> Option<(usize, &'p LockedPackage)> {
        if self.has_failed() {
            None
        } else {
            held(&self.missing).pop_front()
        }
    }

    fn has_failed(&self) -> bool {
        held(&self.failure).is_some()
    }

    /// Keeps the first failure; those that follow from it say nothing new.
    fn fail(&self, error: AssembleError) {
        held(&self.failure).get_or_insert(error);
    }
}

impl Supply<'_> {
    /// Calls `unpack` with each of `packages` (by its place in the slice) and its file, from several threads, as
    /// the files arrive. Ends early, with the first error.
    pub(crate) fn each(
        &self,
        packages: &[&LockedPackage],
        unpack: &(dyn Fn(usize, &Blob) -> Result<(), AssembleError> + Sync),
    ) -> Result<(), AssembleError> {
        let (ready, missing) = self.sort(packages)?;
        let bytes =
            |some: &mut dyn Iterator<Item = usize>| some.map(|index| packages[index].size).sum::<u64>();
        self.depot.progress.started(
            Phase::Download,
            bytes(&mut missing.iter().map(|(index, _)| *index)),
        );
        self.depot
            .progress
            .started(Phase::Unpack, bytes(&mut (0..packages.len())));
        let (sender, receiver) = channel();
        for file in ready {
            // The receiver lives until the end of this function.
            let _ = sender.send(file);
        }
        let work = Work {
            missing: Mutex::new(missing),
            failure: Mutex::new(None),
        };
        let queue = Mutex::new(receiver);
        thread::scope(|scope| {
            let senders = std::iter::repeat_n(sender, CONNECTIONS);
            let work = &work;
            let download = |sender| scope.spawn(move || self.download(work, &sender));
            let mut threads: Vec<_> = senders.map(download).collect();
            let unpacker = || scope.spawn(|| self.unpack(work, &queue, packages, unpack));
            threads.extend((0..unpackers()).map(|_| unpacker()));
            threads.into_iter().for_each(join);
        });
        work.failure
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
            .map_or(Ok(()), Err)
    }

    /// Answers the files that are there and the packages whose files are not, both largest first.
    #[expect(
        clippy::type_complexity,
        reason = "two lists, taken apart at once by the one caller"
    )]
    fn sort<'p>(
        &self,
        packages: &[&'p LockedPackage],
    ) -> Result<(Vec<(usize, Blob)>, VecDeque<(usize, &'p LockedPackage)>), AssembleError> {
        let mut order: Vec<_> = packages.iter().copied().enumerate().collect();
        order.sort_by_key(|(_, package)| std::cmp::Reverse(package.size));
        let (mut ready, mut missing) = (Vec::new(), VecDeque::new());
        for (index, package) in order {
            match self.depot.store.blob(&package.sha256)? {
                Some(blob) => ready.push((index, blob)),
                None => missing.push_back((index, package)),
            }
        }
        Ok((ready, missing))
    }

    fn download(&self, work: &Work<'_>, sender: &Sender<(usize, Blob)>) {
        while let Some((index, package)) = work.next() {
            match self.fetch(package) {
                // Nobody receives any more when something else failed.
                Ok(blob) => drop(sender.send((index, blob))),
                Err(error) => work.fail(error),
            }
        }
    }

    fn fetch(&self, package: &LockedPackage) -> Result<Blob, AssembleError> {
        let LockedPackage {
            name,
            version,
            part,
            path,
            size,
            sha256,
        } = package;
        let wanted = Wanted {
            part: *part,
            path,
            sha256: *sha256,
            size: *size,
            phase: Phase::Download,
        };
        self.depot.fetch(&wanted).map_err(|error| match error {
            DepotError::Store(error) => error.into(),
            DepotError::Fetch(source) if source.is_not_found() => AssembleError::Gone {
                package: name.clone(),
                version: version.clone(),
                source: Box::new(source),
            },
            DepotError::Fetch(source) => AssembleError::Fetch {
                package: name.clone(),
                source: Box::new(source),
            },
        })
    }

    fn unpack(
        &self,
        work: &Work<'_>,
        queue: &Mutex<Receiver<(usize, Blob)>>,
        packages: &[&LockedPackage],
        unpack: &(dyn Fn(usize, &Blob) -> Result<(), AssembleError> + Sync),
    ) {
        loop {
            let received = held(queue).recv();
            let Ok((index, blob)) = received else { return };
            if self.depot.progress.cancelled() {
                work.fail(AssembleError::Cancelled);
            }
            if work.has_failed() {
                continue;
            }
            match unpack(index, &blob) {
                Ok(()) => self.depot.progress.advanced(Phase::Unpack, packages[index].size),
                Err(error) => work.fail(error),
            }
        }
    }
}

fn unpackers() -> usize {
    thread::available_parallelism()
        .map_or(2, usize::from)
        .min(UNPACKERS)
}

/// Locks what a thread that panicked may have held; its panic is raised again when it is joined.
pub(crate) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
