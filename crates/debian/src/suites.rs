//! Fetches and verifies the release files of the archive, and the lists of packages that they vouch for.

use std::io;
use std::thread;

use coracle_content::{Blob, StoreError};
use coracle_fetch::FetchError;
use coracle_spec::{Class, Digest, Failure};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base_lock::LockedSuite;
use crate::depot::{Depot, DepotError, Wanted};
use crate::keyring::{Keyring, SignatureError};
use crate::progress::Phase;
use crate::release::{Arch, Release, Suite};
use crate::release_file::{IndexFile, ReleaseFile};

/// The most bytes a release file may have; Debian's has 140 kB.
const RELEASE_FILE_LIMIT: u64 = 8 << 20;

/// The kind of records that hold the newest date seen of a suite.
const REPLAY: &str = "debian-suite";

/// Why the archive's lists of packages cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// A list could not be fetched, or is not what the release file says.
    #[error("cannot fetch the Debian suite `{suite}`")]
    Fetch {
        /// The suite.
        suite: String,
        /// What failed.
        source: Box<FetchError>,
    },
    /// A release file is not signed by Debian.
    #[error("the release file of the Debian suite `{suite}` is not to be trusted")]
    Signature {
        /// The suite.
        suite: String,
        /// What is wrong with the signature.
        source: SignatureError,
    },
    /// A release file lacks something.
    #[error("the release file of the Debian suite `{suite}` has no usable field `{field}`")]
    Malformed {
        /// The suite.
        suite: String,
        /// The field.
        field: &'static str,
    },
    /// A release file is one of another suite.
    #[error("the release file of the Debian suite `{suite}` is that of `{found}`")]
    OtherSuite {
        /// The suite that was asked for.
        suite: String,
        /// The suite that was answered.
        found: String,
    },
    /// A release file is past the time until which it counts.
    #[error("the release file of the Debian suite `{suite}` was valid until {until}")]
    Expired {
        /// The suite.
        suite: String,
        /// When it ceased to be valid.
        until: Timestamp,
    },
    /// A release file is older than one that was seen before.
    #[error(
        "the release file of the Debian suite `{suite}` is of {date}, older than the one of {seen} seen before"
    )]
    Replayed {
        /// The suite.
        suite: String,
        /// Its date now.
        date: Timestamp,
        /// The newest date seen.
        seen: Timestamp,
    },
    /// A list of packages cannot be read.
    #[error("cannot read the packages of the Debian suite `{suite}`")]
    Read {
        /// The suite.
        suite: String,
        /// What failed.
        source: io::Error,
    },
    /// The store failed.
    #[error("cannot keep the lists of packages")]
    Store(#[from] StoreError),
}

impl Failure for SnapshotError {
    fn class(&self) -> Class {
        match self {
            Self::Store(error) => error.class(),
            Self::Fetch { source, .. } if !source.is_not_found() => source.class(),
            _ => Class::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Fetch { source, .. } if !source.is_not_found() => return source.hint(),
            Self::Store(error) => return error.hint(),
            Self::Expired { .. } => {
                "check this machine's clock; if it is right, the mirror is stale: use another one"
            }
            _ => "the mirror is stale, incomplete or altered: use another one",
        };
        Some(hint.to_owned())
    }
}

/// Where and how suites are read.
pub(crate) struct Reader<'a> {
    pub(crate) depot: Depot<'a>,
    pub(crate) keyring: &'a Keyring,
    pub(crate) now: Timestamp,
}

/// A suite whose release file is verified and whose list of packages is in the store.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) suite: Suite,
    pub(crate) locked: LockedSuite,
    pub(crate) list: Blob,
    /// The release file as it was fetched, for other architectures.
    in_release: Vec<u8>,
}

/// The newest date that was seen of a suite.
#[derive(Serialize, Deserialize)]
struct Seen {
    date: Timestamp,
}

impl Reader<'_> {
    /// Fetches and verifies the suites of a release, all at once.
    pub(crate) fn suites(&self, release: Release, arch: Arch) -> Result<Vec<Fetched>, SnapshotError> {
        let fetch = |suite: &Suite| self.suite(suite, arch, self.release_file(suite)?);
        at_once(&release.suites(), fetch)
    }

    /// Fetches the lists for another architecture that the same release files vouch for, all at once.
    pub(crate) fn beside(&self, fetched: &[Fetched], arch: Arch) -> Result<Vec<Fetched>, SnapshotError> {
        let fetch = |same: &Fetched| self.suite(&same.suite, arch, same.in_release.clone());
        at_once(fetched, fetch)
    }

    fn release_file(&self, suite: &Suite) -> Result<Vec<u8>, SnapshotError> {
        let path = format!("dists/{}/InRelease", suite.name);
        let get = |url: &str| self.depot.fetcher.get(url, RELEASE_FILE_LIMIT);
        let bytes = self.depot.archive.first(suite.part, &path, get);
        bytes.map_err(|source| not_fetched(suite, source))
    }

    fn suite(&self, suite: &Suite, arch: Arch, bytes: Vec<u8>) -> Result<Fetched, SnapshotError> {
        let file = self.verified(suite, &bytes, arch)?;
        self.check_date(suite, &file)?;
        let list = self.list(suite, &file).map_err(|error| match error {
            DepotError::Fetch(source) => not_fetched(suite, source),
            DepotError::Store(source) => SnapshotError::Store(source),
        })?;
        let locked = LockedSuite {
            name: suite.name.clone(),
            date: file.date,
            in_release: Digest::of(&bytes),
            packages: list.digest,
        };
        Ok(Fetched {
            suite: suite.clone(),
            locked,
            list,
            in_release: bytes,
        })
    }

    fn verified(&self, suite: &Suite, bytes: &[u8], arch: Arch) -> Result<ReleaseFile, SnapshotError> {
        let suite = suite.name.clone();
        let text = match self.keyring.verify(bytes, self.now) {
            Ok(text) => text,
            Err(source) => return Err(SnapshotError::Signature { suite, source }),
        };
        match ReleaseFile::parse(&text, arch) {
            Err(field) => Err(SnapshotError::Malformed { suite, field }),
            Ok(file) if file.codename != suite => Err(SnapshotError::OtherSuite {
                suite,
                found: file.codename,
            }),
            Ok(file) => Ok(file),
        }
    }

    /// Refuses a release file that has ceased to count or is older than one seen before.
    fn check_date(&self, suite: &Suite, file: &ReleaseFile) -> Result<(), SnapshotError> {
        let name = suite.name.clone();
        if let Some(until) = file.valid_until.filter(|until| *until < self.now) {
            return Err(SnapshotError::Expired { suite: name, until });
        }
        let key = Digest::of_value(&(REPLAY, &name));
        let _guard = self.depot.store.lock(REPLAY, &key)?;
        let seen: Option<Seen> = self.depot.store.record(REPLAY, &key)?;
        match seen {
            Some(Seen { date }) if date > file.date => Err(SnapshotError::Replayed {
                suite: name,
                date: file.date,
                seen: date,
            }),
            Some(Seen { date }) if date == file.date => Ok(()),
            _ => Ok(self
                .depot
                .store
                .put_record(REPLAY, &key, &Seen { date: file.date })?),
        }
    }

    /// Answers the list of packages, from the store if it is there.
    fn list(&self, suite: &Suite, file: &ReleaseFile) -> Result<Blob, DepotError> {
        let IndexFile { sha256, size, .. } = file.packages;
        self.depot.progress.started(Phase::Index, size);
        if let Some(blob) = self.depot.store.blob(&sha256)? {
            self.depot.progress.advanced(Phase::Index, size);
            return Ok(blob);
        }
        let fetch = |path: &str| {
            self.depot.fetch(&Wanted {
                part: suite.part,
                path,
                sha256,
                size,
                phase: Phase::Index,
            })
        };
        let (by_hash, plain) = places(suite, &file.packages);
        match fetch(if file.by_hash { &by_hash } else { &plain }) {
            // Mirrors made by some tools say that they have files by hash, and do not.
            Err(DepotError::Fetch(error)) if error.is_not_found() && file.by_hash => fetch(&plain),
            result => result,
        }
    }
}

fn not_fetched(suite: &Suite, source: FetchError) -> SnapshotError {
    SnapshotError::Fetch {
        suite: suite.name.clone(),
        source: Box::new(source),
    }
}

/// Does something for each of a few things, at the same time; the first failure in their order is answered.
fn at_once<T: Sync, U: Send>(
    things: &[T],
    work: impl Fn(&T) -> Result<U, SnapshotError> + Sync,
) -> Result<Vec<U>, SnapshotError> {
    thread::scope(|scope| {
        let threads: Vec<_> = things.iter().map(|thing| scope.spawn(|| work(thing))).collect();
        threads.into_iter().map(join).collect()
    })
}

/// Answers where a list is by its hash and by its name.
fn places(suite: &Suite, list: &IndexFile) -> (String, String) {
    let (folder, _) = list.path.rsplit_once('/').unwrap_or_default();
    let suite = &suite.name;
    let by_hash = format!("dists/{suite}/{folder}/by-hash/SHA256/{}", list.sha256.hex());
    (by_hash, format!("dists/{suite}/{}", list.path))
}

/// Answers a thread's result; its panic goes on in this thread.
pub(crate) fn join<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
