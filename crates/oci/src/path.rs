//! Paths inside a layer.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// The longest path, in bytes: the kernel's `PATH_MAX` without the final zero.
const MAX_PATH: usize = 4095;
/// The longest name, in bytes: the kernel's `NAME_MAX`.
const MAX_NAME: usize = 255;

/// A path beneath a layer's root: relative, without `.`, `..` or empty names. The root itself is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LayerPath(PathBuf);

/// Why a path cannot be in a layer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the path `{}` {reason}", path.escape_ascii())]
pub struct InvalidPath {
    path: Vec<u8>,
    reason: &'static str,
}

impl LayerPath {
    /// Parses a path as people write it: one leading `/`, and `.` parts, are taken off.
    pub fn new(path: impl AsRef<Path>) -> Result<Self, InvalidPath> {
        let path = path.as_ref();
        let bytes = path.as_os_str().as_bytes();
        Self::parse(bytes.strip_prefix(b"/").unwrap_or(bytes))
    }

    /// Parses a path from an archive that nobody vouches for: an absolute one is refused too.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidPath> {
        let invalid = |reason| InvalidPath {
            path: bytes[..bytes.len().min(200)].to_vec(),
            reason,
        };
        if bytes.contains(&0) {
            return Err(invalid("contains a zero byte"));
        }
        if bytes.len() > MAX_PATH {
            return Err(invalid("is longer than 4095 bytes"));
        }
        let mut parts = PathBuf::new();
        for component in Path::new(OsStr::from_bytes(bytes)).components() {
            match component {
                Component::Normal(name) if name.len() > MAX_NAME => {
                    return Err(invalid("has a name longer than 255 bytes"));
                }
                Component::Normal(name) => parts.push(name),
                Component::CurDir => {}
                Component::ParentDir => return Err(invalid("leads out of its directory by `..`")),
                Component::RootDir | Component::Prefix(_) => return Err(invalid("is absolute")),
            }
        }
        Ok(Self(parts))
    }

    /// Answers whether this is the layer's root.
    pub fn is_root(&self) -> bool {
        self.0.as_os_str().is_empty()
    }

    /// Answers the path, relative to the root.
    pub fn as_path(&self) -> &Path {
        &self.0
    }

    /// Answers the path's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_os_str().as_bytes()
    }

    /// Answers the last name; the root has none.
    pub fn name(&self) -> Option<&OsStr> {
        self.0.file_name()
    }

    /// Answers the directory it is in; the root has none.
    pub fn parent(&self) -> Option<Self> {
        self.0.parent().map(|parent| Self(parent.to_owned()))
    }

    /// Answers the path of `name` in this directory.
    pub fn join(&self, name: &OsStr) -> Result<Self, InvalidPath> {
        Self::parse(self.0.join(name).as_os_str().as_bytes())
    }
}

impl fmt::Display for LayerPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.0.display())
    }
}
