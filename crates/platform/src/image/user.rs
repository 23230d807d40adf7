//! The user that an image's program runs as (image-spec, config.md, `User`): `user`, `uid`, `user:group`,
//! `uid:gid`; names are those of the image's own `/etc/passwd` and `/etc/group`.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use coracle_spec::{Class, Failure};
use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat2};

/// The most that is read of `/etc/passwd` or `/etc/group`.
const LARGEST: u64 = 1 << 20;

/// Numeric ids, as inside the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// Why an image's user is nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the image runs as `{name}`, which its `{file}` does not name")]
pub(crate) struct UserError {
    name: String,
    file: &'static str,
}

impl Failure for UserError {
    fn class(&self) -> Class {
        Class::User
    }
}

impl User {
    /// Looks up what the image's configuration says, in the image's files. Nothing said is the super-user.
    pub(crate) fn find(text: &str, lowers: &[PathBuf]) -> Result<Self, UserError> {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        let known = if user.is_empty() {
            Self { uid: 0, gid: 0 }
        } else {
            by_name(user, lowers)?
        };
        match group {
            None | Some("") => Ok(known),
            Some(group) => Ok(Self {
                gid: group_by_name(group, lowers)?,
                ..known
            }),
        }
    }
}

fn by_name(user: &str, lowers: &[PathBuf]) -> Result<User, UserError> {
    let number: Option<u32> = user.parse().ok();
    let passwd = read(lowers, "etc/passwd");
    let row = passwd
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find_map(|row| match row.as_slice() {
            [name, _, uid, gid, ..] if *name == user || Some(*uid) == number.map(|_| user) => Some(User {
                uid: uid.parse().ok()?,
                gid: gid.parse().ok()?,
            }),
            _ => None,
        });
    row.or(number.map(|uid| User { uid, gid: 0 }))
        .ok_or_else(|| UserError {
            name: user.to_owned(),
            file: "/etc/passwd",
        })
}

fn group_by_name(group: &str, lowers: &[PathBuf]) -> Result<u32, UserError> {
    let named = |text: String| {
        text.lines()
            .map(|line| line.split(':').collect::<Vec<_>>())
            .find_map(|row| match row.as_slice() {
                [name, _, gid, ..] if *name == group => gid.parse().ok(),
                _ => None,
            })
    };
    group
        .parse()
        .ok()
        .or_else(|| named(read(lowers, "etc/group")))
        .ok_or_else(|| UserError {
            name: group.to_owned(),
            file: "/etc/group",
        })
}

/// Reads a file of the image: the topmost layer's that has one. An image without it has no names.
fn read(lowers: &[PathBuf], path: &str) -> String {
    lowers
        .iter()
        .rev()
        .find_map(|lower| read_beneath(lower, path))
        .unwrap_or_default()
}

/// Reads a file beneath a tree, whose links never lead out of it.
fn read_beneath(tree: &Path, path: &str) -> Option<String> {
    let root = open(
        tree,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .ok()?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = openat2(&root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT).ok()?;
    let mut bytes = Vec::new();
    File::from(file).take(LARGEST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> (tempfile::TempDir, Vec<PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        let lowers: Vec<PathBuf> = ["base", "app"]
            .iter()
            .map(|name| folder.path().join(name))
            .collect();
        for lower in &lowers {
            fs_err::create_dir_all(lower.join("etc")).unwrap();
        }
        fs_err::write(lowers[0].join("etc/passwd"), "root:x:0:0::/:\nold:x:7:7::/:\n").unwrap();
        fs_err::write(lowers[1].join("etc/passwd"), "root:x:0:0::/:\nweb:x:33:34::/:\n").unwrap();
        fs_err::write(lowers[0].join("etc/group"), "root:x:0:\nstaff:x:50:\n").unwrap();
        (folder, lowers)
    }

    #[test]
    fn users_and_groups_are_those_of_the_image() {
        let (_folder, lowers) = image();
        for (text, uid, gid) in [
            ("", 0, 0),
            ("web", 33, 34),
            ("33", 33, 34),
            ("1000", 1000, 0),
            ("1000:1000", 1000, 1000),
            ("web:staff", 33, 50),
            (":50", 0, 50),
        ] {
            assert_eq!(User::find(text, &lowers), Ok(User { uid, gid }), "{text}");
        }
    }

    #[test]
    fn a_name_of_a_hidden_or_missing_file_is_refused() {
        let (_folder, lowers) = image();
        for text in ["old", "nobody", "web:wheel"] {
            assert!(User::find(text, &lowers).is_err(), "{text}");
        }
    }

    #[test]
    fn a_link_in_the_image_does_not_lead_to_the_hosts_users() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(folder.path().join("etc")).unwrap();
        std::os::unix::fs::symlink("/../../../../etc/group", folder.path().join("etc/passwd")).unwrap();
        let lowers = [folder.path().to_owned()];
        assert!(User::find("root", &lowers).is_err());
    }
}
