//! The walk over a folder, in the order that BuildKit expects: names sorted, a folder before what is in it.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use bollard_buildkit_proto::fsutil::types::Stat;

use super::selection::{Selection, Standing};
use super::stat::{has_contents, stat};
use super::{ContextError, MOST_ENTRIES};

/// Tells `send` of each path beneath `folder` that is selected, and of the folders that it is in.
///
/// The second argument says whether contents may be asked for. What vanishes during the walk is left out.
pub(crate) fn walk(
    folder: &Path,
    selection: &Selection,
    send: &mut dyn FnMut(Stat, bool) -> Result<(), ContextError>,
) -> Result<(), ContextError> {
    let mut walk = Walk {
        folder,
        selection,
        send,
        above: Vec::new(),
        seen: HashMap::new(),
        count: 0,
    };
    walk.enter("", &Standing::default())
}

struct Walk<'a> {
    folder: &'a Path,
    selection: &'a Selection,
    send: &'a mut dyn FnMut(Stat, bool) -> Result<(), ContextError>,
    /// The folders above that were not told of yet: they are if something in them is.
    above: Vec<Stat>,
    /// Files of several names by device and inode, with the name that was told first.
    seen: HashMap<(u64, u64), String>,
    count: usize,
}

impl Walk<'_> {
    fn enter(&mut self, path: &str, standing: &Standing) -> Result<(), ContextError> {
        for name in names(&self.folder.join(path))? {
            let child = if path.is_empty() {
                name
            } else {
                format!("{path}/{name}")
            };
            self.visit(&child, standing)?;
        }
        Ok(())
    }

    fn visit(&mut self, path: &str, folder: &Standing) -> Result<(), ContextError> {
        let standing = self.selection.standing(path, folder);
        if !standing.is_sent && !standing.is_entered {
            return Ok(());
        }
        let place = self.folder.join(path);
        let Some(metadata) = present(fs_err::symlink_metadata(&place))? else {
            return Ok(());
        };
        if !standing.is_sent && !metadata.is_dir() {
            return Ok(());
        }
        let Some(stat) = present(stat(&place, path, &metadata))?.flatten() else {
            return Ok(());
        };
        if metadata.is_dir() {
            return self.folder(stat, &standing);
        }
        let stat = self.linked(stat, &metadata);
        self.tell(stat)
    }

    fn folder(&mut self, stat: Stat, standing: &Standing) -> Result<(), ContextError> {
        let path = stat.path.clone();
        let depth = self.above.len();
        if standing.is_sent {
            self.tell(stat)?;
        } else {
            self.above.push(stat);
        }
        if standing.is_entered {
            self.enter(&path, standing)?;
        }
        // Unless it was told of by then.
        self.above.truncate(depth);
        Ok(())
    }

    /// Makes the second name of a file refer to the first.
    fn linked(&mut self, stat: Stat, metadata: &std::fs::Metadata) -> Stat {
        if metadata.nlink() < 2 || !has_contents(&stat) {
            return stat;
        }
        let first = self
            .seen
            .entry((metadata.dev(), metadata.ino()))
            .or_insert_with(|| stat.path.clone());
        if *first == stat.path {
            return stat;
        }
        Stat {
            linkname: first.clone(),
            size: 0,
            ..stat
        }
    }

    fn tell(&mut self, stat: Stat) -> Result<(), ContextError> {
        for folder in std::mem::take(&mut self.above) {
            self.one(folder)?;
        }
        self.one(stat)
    }

    fn one(&mut self, stat: Stat) -> Result<(), ContextError> {
        self.count += 1;
        if self.count > MOST_ENTRIES {
            return Err(ContextError::TooMany);
        }
        let may_be_asked_for = has_contents(&stat);
        (self.send)(stat, may_be_asked_for)
    }
}

/// Answers the names in a folder, sorted; none if it is gone.
fn names(folder: &Path) -> Result<Vec<String>, ContextError> {
    let Some(listed) = present(fs_err::read_dir(folder))? else {
        return Ok(Vec::new());
    };
    let mut names = Vec::new();
    for child in listed {
        let name = child?.file_name();
        let name = name
            .into_string()
            .map_err(|name| ContextError::Name(PathBuf::from(name)))?;
        names.push(name);
        if names.len() > MOST_ENTRIES {
            return Err(ContextError::TooMany);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Makes what is gone nothing.
fn present<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::context::Wanted;

    fn tree() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for folder in ["a/b", "empty", "z"] {
            fs_err::create_dir_all(root.path().join(folder)).unwrap();
        }
        for file in ["a/b/deep", "a.txt", "z/one", "run"] {
            fs_err::write(root.path().join(file), file).unwrap();
        }
        symlink("a.txt", root.path().join("link")).unwrap();
        fs_err::hard_link(root.path().join("z/one"), root.path().join("z/two")).unwrap();
        let mode = std::fs::Permissions::from_mode(0o4755);
        fs_err::set_permissions(root.path().join("run"), mode).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(root.path().join("socket")).unwrap();
        root
    }

    fn sent(root: &Path, wanted: &Wanted) -> Vec<Stat> {
        let mut all = Vec::new();
        let selection = Selection::of(root, wanted).unwrap();
        walk(root, &selection, &mut |stat, _| {
            all.push(stat);
            Ok(())
        })
        .unwrap();
        all
    }

    fn paths(stats: &[Stat]) -> Vec<&str> {
        stats.iter().map(|stat| stat.path.as_str()).collect()
    }

    #[test]
    fn everything_is_told_of_sorted_and_folders_come_first() {
        let root = tree();
        let all = sent(root.path(), &Wanted::default());
        assert_eq!(
            paths(&all),
            [
                "a", "a/b", "a/b/deep", "a.txt", "empty", "link", "run", "z", "z/one", "z/two"
            ]
        );
        let of = |path: &str| all.iter().find(|stat| stat.path == path).unwrap();
        assert_eq!(of("link").linkname, "a.txt");
        assert_eq!(of("run").mode, 1 << 23 | 0o755);
        assert_eq!((of("z/two").linkname.as_str(), of("z/two").size), ("z/one", 0));
        assert_eq!(of("a").mode >> 31, 1);
        assert!(all.iter().all(|stat| stat.uid == 0 && stat.gid == 0));
    }

    #[test]
    fn a_folder_that_is_not_selected_is_told_of_only_for_what_is_in_it() {
        let root = tree();
        let wanted = |include: &[&str], exclude: &[&str]| Wanted {
            include: include.iter().map(|&text| text.to_owned()).collect(),
            exclude: exclude.iter().map(|&text| text.to_owned()).collect(),
            follow: Vec::new(),
        };
        let deep = sent(root.path(), &wanted(&["a/b/deep"], &[]));
        assert_eq!(paths(&deep), ["a", "a/b", "a/b/deep"]);
        let second = sent(root.path(), &wanted(&["z/two"], &[]));
        assert_eq!(second.last().unwrap().linkname, "");
        let kept = sent(root.path(), &wanted(&[], &["*", "!z/one"]));
        assert_eq!(paths(&kept), ["z", "z/one"]);
        let none = sent(root.path(), &wanted(&["a/missing", "empty"], &[]));
        assert_eq!(paths(&none), ["empty"]);
    }
}
