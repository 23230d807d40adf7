//! What is told of a file before, or instead of, its contents (tonistiigi/fsutil, `types/stat.proto`).

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use bollard_buildkit_proto::fsutil::types::Stat;
use rustix::io::Errno;

/// Bits of a mode in Go (`io/fs`, `FileMode`).
mod go {
    pub(super) const DIRECTORY: u32 = 1 << 31;
    pub(super) const LINK: u32 = 1 << 27;
    pub(super) const DEVICE: u32 = 1 << 26;
    pub(super) const PIPE: u32 = 1 << 25;
    pub(super) const SETUID: u32 = 1 << 23;
    pub(super) const SETGID: u32 = 1 << 22;
    pub(super) const CHARACTERS: u32 = 1 << 21;
    pub(super) const STICKY: u32 = 1 << 20;
    pub(super) const TYPE: u32 = DIRECTORY | LINK | DEVICE | PIPE | CHARACTERS;
}

/// The most bytes of names of extended attributes, and of one value (Linux, `XATTR_LIST_MAX`, `XATTR_SIZE_MAX`).
const MOST_ATTRIBUTES: usize = 64 << 10;

/// Answers what is told of what is at `place`, which is sent as `path`; `None` for sockets, which no image holds.
///
/// Owners are not told: whoever has the folder, the image's files are root's.
pub(super) fn stat(place: &Path, path: &str, metadata: &std::fs::Metadata) -> io::Result<Option<Stat>> {
    let Some(kind) = kind(metadata) else {
        return Ok(None);
    };
    let linkname = if kind == go::LINK {
        let target = fs_err::read_link(place)?;
        target.into_os_string().into_string().map_err(|_| not_text())?
    } else {
        String::new()
    };
    let (devmajor, devminor) = device(kind, metadata.rdev());
    Ok(Some(Stat {
        path: path.to_owned(),
        mode: kind | permissions(metadata.mode()),
        size: size(kind, metadata.len()),
        mod_time: metadata
            .mtime()
            .saturating_mul(1_000_000_000)
            .saturating_add(metadata.mtime_nsec()),
        linkname,
        devmajor,
        devminor,
        xattrs: attributes(place)?,
        ..Stat::default()
    }))
}

/// Answers whether contents follow when they are asked for.
pub(super) fn has_contents(stat: &Stat) -> bool {
    stat.mode & go::TYPE == 0
}

fn not_text() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "it is a link to a name that is not UTF-8",
    )
}

fn kind(metadata: &std::fs::Metadata) -> Option<u32> {
    let kind = metadata.file_type();
    Some(match () {
        () if kind.is_dir() => go::DIRECTORY,
        () if kind.is_file() => 0,
        () if kind.is_symlink() => go::LINK,
        () if kind.is_fifo() => go::PIPE,
        () if kind.is_char_device() => go::DEVICE | go::CHARACTERS,
        () if kind.is_block_device() => go::DEVICE,
        () => return None,
    })
}

fn permissions(mode: u32) -> u32 {
    let special = [(0o4000, go::SETUID), (0o2000, go::SETGID), (0o1000, go::STICKY)];
    let set = special.iter().filter(|(bit, _)| mode & bit != 0);
    set.fold(mode & 0o777, |all, (_, bit)| all | bit)
}

fn size(kind: u32, length: u64) -> i64 {
    if kind == go::DIRECTORY {
        0
    } else {
        i64::try_from(length).unwrap_or(i64::MAX)
    }
}

fn device(kind: u32, device: u64) -> (i64, i64) {
    if kind & go::DEVICE == 0 {
        return (0, 0);
    }
    (rustix::fs::major(device).into(), rustix::fs::minor(device).into())
}

/// Answers the extended attributes; none where the file system has none.
fn attributes(place: &Path) -> io::Result<HashMap<String, Vec<u8>>> {
    let mut names = vec![0; MOST_ATTRIBUTES];
    let length = match rustix::fs::llistxattr(place, &mut names) {
        Ok(length) => length,
        Err(Errno::NOTSUP | Errno::PERM) => 0,
        Err(error) => return Err(error.into()),
    };
    let names = names[..length].split(|byte| *byte == 0);
    let text = names.filter_map(|name| std::str::from_utf8(name).ok());
    Ok(text
        .filter(|name| !name.is_empty())
        .filter_map(|name| Some((name.to_owned(), attribute(place, name)?)))
        .collect())
}

/// Answers an attribute's value; `None` if it may not be read or is gone.
fn attribute(place: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; MOST_ATTRIBUTES];
    let length = rustix::fs::lgetxattr(place, name, &mut value).ok()?;
    value.truncate(length);
    Some(value)
}
