//! The user that an image's program runs as (image-spec, config.md, `User`): `user`, `uid`, `user:group`,
//! `uid:gid`; names are those of the image's own `/etc/passwd` and `/etc/group`.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use coracle_spec::{Class, Failure};
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, open, openat2};

/// The most that is read of `/etc/passwd` or `/etc/group`.
const LARGEST: u64 = 1 << 20;

/// Who a program runs as, inside the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    /// The user's number.
    pub(crate) uid: u32,
    /// The number of the main group.
    pub(crate) gid: u32,
    /// The other groups that the image's `/etc/group` has the user in. None when a group is said: engines take that
    /// one for all (moby/sys/user, `GetExecUser`).
    pub(crate) groups: Vec<u32>,
    /// The user's folder; `/` for who has none.
    pub(crate) home: String,
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
        let (user, group) = text.split_once(':').unwrap_or((text, ""));
        let account = Account::find(if user.is_empty() { ROOT } else { user }, lowers)?;
        let listed = read(lowers, "etc/group");
        let (gid, groups) = if group.is_empty() {
            (account.gid, memberships(&listed, account.name.as_deref()))
        } else {
            (group_by_name(group, &listed)?, Vec::new())
        };
        Ok(Self {
            uid: account.uid,
            gid,
            groups,
            home: account.home,
        })
    }
}

/// The super-user's number, which needs no name.
const ROOT: &str = "0";

/// A row of `/etc/passwd`, or what stands for one (passwd(5)).
struct Account {
    name: Option<String>,
    uid: u32,
    gid: u32,
    home: String,
}

impl Account {
    fn find(user: &str, lowers: &[PathBuf]) -> Result<Self, UserError> {
        let number: Option<u32> = user.parse().ok();
        let passwd = read(lowers, "etc/passwd");
        let is_meant = |account: &Self| account.name.as_deref() == Some(user) || Some(account.uid) == number;
        let row = passwd.lines().filter_map(Self::of_row).find(is_meant);
        row.or(number.map(Self::nameless)).ok_or_else(|| UserError {
            name: user.to_owned(),
            file: "/etc/passwd",
        })
    }

    fn of_row(row: &str) -> Option<Self> {
        let mut fields = row.split(':');
        let (name, _, uid, gid) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let home = fields.nth(1).filter(|home| !home.is_empty());
        Some(Self {
            name: Some(name.to_owned()),
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
            home: home.unwrap_or("/").to_owned(),
        })
    }

    fn nameless(uid: u32) -> Self {
        Self {
            name: None,
            uid,
            gid: 0,
            home: "/".to_owned(),
        }
    }
}

/// A row of `/etc/group`: name, number, members (group(5)).
fn group_row(row: &str) -> Option<(&str, u32, &str)> {
    let mut fields = row.split(':');
    let (name, _, gid) = (fields.next()?, fields.next()?, fields.next()?);
    Some((name, gid.parse().ok()?, fields.next().unwrap_or_default()))
}

fn memberships(listed: &str, name: Option<&str>) -> Vec<u32> {
    let has_it = |members: &str| name.is_some_and(|name| members.split(',').any(|member| member == name));
    let rows = listed.lines().filter_map(group_row);
    rows.filter(|(_, _, members)| has_it(members))
        .map(|(_, gid, _)| gid)
        .collect()
}

fn group_by_name(group: &str, listed: &str) -> Result<u32, UserError> {
    let mut rows = listed.lines().filter_map(group_row);
    let named = rows.find(|(name, ..)| *name == group).map(|(_, gid, _)| gid);
    named.or_else(|| group.parse().ok()).ok_or_else(|| UserError {
        name: group.to_owned(),
        file: "/etc/group",
    })
}

/// Reads a file of the image: the topmost layer's that has one, unless a layer above removes it. An image without it has
/// no names.
fn read(lowers: &[PathBuf], path: &str) -> String {
    for lower in lowers.iter().rev() {
        match look(lower, path) {
            Look::Found(text) => return text,
            Look::Removed => return String::new(),
            Look::Nothing => {}
        }
    }
    String::new()
}

/// What a layer says of a file.
enum Look {
    /// What it holds.
    Found(String),
    /// It is not there, whatever is below.
    Removed,
    /// Nothing.
    Nothing,
}

/// Looks for a file beneath a tree, whose links never lead out of it.
fn look(tree: &Path, path: &str) -> Look {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(root) = open(tree, flags, Mode::empty()) else {
        return Look::Nothing;
    };
    let beneath = |path: &Path, flags| {
        openat2(
            &root,
            path,
            flags | OFlags::CLOEXEC,
            Mode::empty(),
            ResolveFlags::IN_ROOT,
        )
        .ok()
    };
    let is_whiteout = |path: &Path| {
        let found = beneath(path, OFlags::PATH | OFlags::NOFOLLOW);
        found.and_then(|found| fstat(found).ok()).is_some_and(|stat| {
            FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == 0
        })
    };
    // Overlayfs's own form, which layers are unpacked to (Documentation/filesystems/overlayfs.rst, "Whiteouts").
    if Path::new(path)
        .ancestors()
        .filter(|part| !part.as_os_str().is_empty())
        .any(is_whiteout)
    {
        return Look::Removed;
    }
    let file = beneath(Path::new(path), OFlags::RDONLY | OFlags::NONBLOCK).map(File::from);
    let mut bytes = Vec::new();
    match file.map(|file| file.take(LARGEST).read_to_end(&mut bytes)) {
        Some(Ok(_)) => Look::Found(String::from_utf8_lossy(&bytes).into_owned()),
        _ => Look::Nothing,
    }
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
        fs_err::write(
            lowers[1].join("etc/passwd"),
            "root:x:0:0::/:\nweb:x:33:34::/srv/web:/bin/sh\n",
        )
        .unwrap();
        fs_err::write(
            lowers[0].join("etc/group"),
            "root:x:0:\nadm:x:4:root,web\nstaff:x:50:web\n",
        )
        .unwrap();
        (folder, lowers)
    }

    #[test]
    fn users_and_groups_are_those_of_the_image() {
        let (_folder, lowers) = image();
        for (text, uid, gid, groups, home) in [
            ("", 0, 0, vec![4], "/"),
            ("web", 33, 34, vec![4, 50], "/srv/web"),
            ("33", 33, 34, vec![4, 50], "/srv/web"),
            ("1000", 1000, 0, vec![], "/"),
            ("1000:1000", 1000, 1000, vec![], "/"),
            ("web:staff", 33, 50, vec![], "/srv/web"),
            ("web:", 33, 34, vec![4, 50], "/srv/web"),
            (":50", 0, 50, vec![], "/"),
        ] {
            let home = home.to_owned();
            let user = User {
                uid,
                gid,
                groups,
                home,
            };
            assert_eq!(User::find(text, &lowers), Ok(user), "{text}");
        }
    }

    #[test]
    fn what_a_layer_removes_is_not_found_in_those_below() {
        let (folder, mut lowers) = image();
        assert!(User::find("web", &lowers).is_ok());
        for path in ["etc/passwd", "etc"] {
            let top = folder.path().join(path.replace('/', "-"));
            fs_err::create_dir_all(top.join(path).parent().unwrap()).unwrap();
            let device = (rustix::fs::FileType::CharacterDevice, Mode::from_raw_mode(0o600));
            rustix::fs::mknodat(rustix::fs::CWD, top.join(path), device.0, device.1, 0).expect("needs root");
            lowers.push(top);
            assert!(User::find("web", &lowers).is_err(), "{path}");
            lowers.pop();
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
