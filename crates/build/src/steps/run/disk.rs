//! How much a command writes: watched while it runs, since nothing else bounds a directory on every file system.
//!
//! Project quotas lost: few file systems have them, and fewer have them on.

use std::path::Path;
use std::time::{Duration, Instant};

use coracle_content::disk_use;
use coracle_spec::ByteSize;

use crate::steps::blocking;

/// How long the first look is after the command's start, and how long at least between looks.
const PAUSE: Duration = Duration::from_secs(1);

/// How many times as long as the last look took the next one is put off: looking takes a twentieth of a processor.
const SPARING: u32 = 20;

/// How little room makes a failed command a victim of the full disk, in bytes: less than any tool can work with.
const NO_ROOM: u64 = 4 << 20;

/// Watches what lies in a directory.
pub(in crate::steps) struct DiskWatch<'a> {
    /// The directory.
    pub(in crate::steps) folder: &'a Path,
    /// What may lie in it.
    pub(in crate::steps) limit: ByteSize,
}

impl DiskWatch<'_> {
    /// Answers once there is more than may be; never, if that does not come.
    pub(in crate::steps) async fn overflow(&self) {
        let mut pause = PAUSE;
        loop {
            tokio::time::sleep(pause).await;
            let since = Instant::now();
            if self.is_over().await {
                return;
            }
            pause = PAUSE.max(since.elapsed() * SPARING);
        }
    }

    /// Answers whether there is more than may be.
    pub(in crate::steps) async fn is_over(&self) -> bool {
        let (folder, limit) = (self.folder.to_owned(), self.limit.bytes());
        // A directory that cannot be looked at is no reason to end the command; its layer will say why.
        blocking(move || disk_use(&folder, limit).is_ok_and(|bytes| bytes > limit)).await
    }

    /// Answers whether the directory's file system has no room left.
    pub(in crate::steps) fn is_full(&self) -> bool {
        let free = rustix::fs::statvfs(self.folder).map(|stat| {
            (
                stat.f_bavail.saturating_mul(stat.f_frsize),
                stat.f_files,
                stat.f_ffree,
            )
        });
        // A file system without a fixed number of files says that it has none.
        free.is_ok_and(|(bytes, files, left)| bytes < NO_ROOM || files > 0 && left == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_grows_beyond_its_limit_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let watch = DiskWatch {
            folder: folder.path(),
            limit: ByteSize::mebibytes(1),
        };
        assert!(!watch.is_over().await);
        let grow = async {
            tokio::time::sleep(3 * PAUSE).await;
            fs_err::write(folder.path().join("file"), vec![1; 2 << 20]).unwrap();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = watch.overflow() => {}
            () = grow => {}
        }
        assert!(watch.is_over().await && !watch.is_full());
    }
}
