//! Extended attributes: which of them belong to a layer, and as what.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use fs_err as fs;
use rustix::fs::XattrFlags;
use rustix::io::Errno;

use crate::tree::is_portable;

/// The extended attributes of a file, sorted by what becomes of them.
#[derive(Default)]
pub(super) struct Xattrs {
    pub(super) portable: HashMap<String, Vec<u8>>,
    pub(super) foreign: Vec<String>,
    pub(super) is_opaque: bool,
}

impl Xattrs {
    pub(super) fn of(file: &OwnedFd) -> io::Result<Self> {
        let mut xattrs = Self::default();
        for name in names(file)? {
            if is_portable(&name) {
                let value = value(file, &name)?;
                let value = if name == "security.capability" {
                    unbound(&value)
                } else {
                    value
                };
                xattrs.portable.insert(name, value);
            } else {
                let is_mark = name == "trusted.overlay.opaque" || name == "user.overlay.opaque";
                xattrs.is_opaque |= is_mark && value(file, &name)? == b"y";
                xattrs.foreign.push(name);
            }
        }
        Ok(xattrs)
    }
}

/// Copies the extended attributes that mean the same on every machine from one open file or directory to another.
/// Those that the file system of `to` has no room for are left out.
pub fn copy_xattrs(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<()> {
    for name in names(from)?.into_iter().filter(|name| is_portable(name)) {
        let value = value(from, &name)?;
        match rustix::fs::fsetxattr(to, name.as_str(), &value, XattrFlags::empty()) {
            Err(Errno::OPNOTSUPP) => {}
            result => result?,
        }
    }
    Ok(())
}

fn names(file: impl AsFd) -> io::Result<Vec<String>> {
    let mut buffer = vec![0; 1024];
    loop {
        match rustix::fs::flistxattr(&file, &mut buffer) {
            Ok(count) => return Ok(split(&buffer[..count])),
            Err(Errno::RANGE) if buffer.len() < 1 << 17 => buffer.resize(buffer.len() * 4, 0),
            Err(Errno::OPNOTSUPP) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        }
    }
}

fn split(names: &[u8]) -> Vec<String> {
    names
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect()
}

fn value(file: impl AsFd, name: &str) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; 256];
    loop {
        match rustix::fs::fgetxattr(&file, name, &mut buffer) {
            Ok(count) => {
                buffer.truncate(count);
                return Ok(buffer);
            }
            Err(Errno::RANGE) if buffer.len() < 1 << 17 => buffer.resize(buffer.len() * 4, 0),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Takes the user namespace off file capabilities: revision 3 with a root id becomes revision 2 without
/// (`linux/capability.h`, `struct vfs_ns_cap_data`).
fn unbound(value: &[u8]) -> Vec<u8> {
    const REVISION_2: u8 = 2;
    const REVISION_3: u8 = 3;
    let mut value = value.to_vec();
    if value.len() == 24 && value[3] == REVISION_3 {
        value.truncate(20);
        value[3] = REVISION_2;
    }
    value
}

/// Takes attributes off that have no place in a layer.
pub(super) fn strip(file: &fs::File, names: &[String]) -> io::Result<()> {
    for name in names {
        match rustix::fs::fremovexattr(file, name.as_str()) {
            // A security module's label cannot be taken off, and says nothing about the layer.
            Err(Errno::PERM | Errno::ACCESS | Errno::OPNOTSUPP | Errno::NODATA) => {}
            result => result?,
        }
    }
    Ok(())
}
