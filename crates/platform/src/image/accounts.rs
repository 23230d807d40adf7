//! The users and groups of an image that is not put together: each file is the topmost layer's that has one.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use coracle_oci::{Accounts, LARGEST_ACCOUNTS};
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, open, openat2};

/// Answers the users and groups of the image with these layers' trees, from the bottom to the top.
pub(crate) fn accounts(lowers: &[PathBuf]) -> Accounts {
    Accounts {
        passwd: read(lowers, "etc/passwd"),
        group: read(lowers, "etc/group"),
    }
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
    match file.map(|file| file.take(LARGEST_ACCOUNTS).read_to_end(&mut bytes)) {
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
            "root:x:0:0::/:\nweb:x:33:34::/srv/web:\n",
        )
        .unwrap();
        fs_err::write(lowers[0].join("etc/group"), "root:x:0:\nstaff:x:50:web\n").unwrap();
        (folder, lowers)
    }

    #[test]
    fn users_and_groups_are_those_of_the_topmost_files() {
        let (_folder, lowers) = image();
        let web = accounts(&lowers).user("web").unwrap();
        assert_eq!(
            (web.uid, web.gid, web.groups.as_slice(), web.home.as_str()),
            (33, 34, &[50][..], "/srv/web")
        );
        assert!(accounts(&lowers).user("old").is_err());
    }

    #[test]
    fn what_a_layer_removes_is_not_found_in_those_below() {
        let (folder, mut lowers) = image();
        assert!(accounts(&lowers).user("web").is_ok());
        for path in ["etc/passwd", "etc"] {
            let top = folder.path().join(path.replace('/', "-"));
            fs_err::create_dir_all(top.join(path).parent().unwrap()).unwrap();
            let device = (FileType::CharacterDevice, Mode::from_raw_mode(0o600));
            rustix::fs::mknodat(rustix::fs::CWD, top.join(path), device.0, device.1, 0).expect("needs root");
            lowers.push(top);
            assert!(accounts(&lowers).user("web").is_err(), "{path}");
            lowers.pop();
        }
    }

    #[test]
    fn a_link_in_the_image_does_not_lead_to_the_hosts_users() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(folder.path().join("etc")).unwrap();
        std::os::unix::fs::symlink("/../../../../etc/group", folder.path().join("etc/passwd")).unwrap();
        let lowers = [folder.path().to_owned()];
        assert!(accounts(&lowers).user("root").is_err());
    }
}
