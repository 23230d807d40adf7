//! Which files a build depends on: those of the source folder that are no leftovers, and those that flags name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use coracle_plan::ignore::is_always_ignored;
use coracle_plan::lock;

/// Which files matter.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    folder: PathBuf,
    /// Files that flags name, absolute, each with the name that the user gave it.
    named: Vec<(PathBuf, String)>,
}

/// Where a file that matters is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// The source folder itself.
    Folder,
    /// Something that is called so.
    File(String),
}

impl Scope {
    /// Makes the scope of a source folder, which is absolute, and of further files.
    pub(super) fn new<'a>(folder: &Path, named: impl IntoIterator<Item = &'a Path>) -> Self {
        let with_name = |path: &Path| {
            let name = path.to_string_lossy().into_owned();
            real(path).into_iter().map(move |real| (real, name.clone()))
        };
        Self {
            folder: folder.to_owned(),
            named: named.into_iter().flat_map(with_name).collect(),
        }
    }

    /// Answers the source folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Answers the folders that must be watched beside the source folder, without what is in them: a file may be
    /// replaced by another one of its name, and the source folder too.
    pub(super) fn beside(&self) -> Vec<PathBuf> {
        let files = self.named.iter().map(|(path, _)| path.as_path());
        let parents = files.chain([self.folder()]).filter_map(Path::parent);
        let mut folders: Vec<_> = parents.map(Path::to_owned).collect();
        folders.sort();
        folders.dedup();
        folders
    }

    /// Answers where `path`, which is absolute, is; `None` for what does not matter.
    pub(super) fn place(&self, path: &Path) -> Option<Place> {
        if let Some((_, name)) = self.named.iter().find(|(named, _)| named == path) {
            return Some(Place::File(name.clone()));
        }
        let inside = path.strip_prefix(&self.folder).ok()?;
        let name = inside.to_string_lossy().into_owned();
        if name.is_empty() {
            return Some(Place::Folder);
        }
        let ignored = inside
            .iter()
            .any(|part| is_always_ignored(&part.to_string_lossy()));
        (!ignored || name == lock::FILE_NAME).then_some(Place::File(name))
    }
}

/// Answers where a file that the user names is, and what it links to, both without links on the way: each folder
/// is watched by one path.
fn real(path: &Path) -> BTreeSet<PathBuf> {
    let own = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let target = fs_err::canonicalize(&own).ok();
    let parent = own.parent().and_then(|parent| fs_err::canonicalize(parent).ok());
    let own = parent
        .and_then(|parent| Some(parent.join(own.file_name()?)))
        .unwrap_or(own);
    target.into_iter().chain([own]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_build_reads_matters_and_nothing_else() {
        let named = [Path::new("/etc/boat.env"), Path::new("/src/.venv/x.env")];
        let scope = Scope::new(Path::new("/src"), named);
        for (path, expected) in [
            ("/src", Some("")),
            ("/src/main.py", Some("main.py")),
            ("/src/lib/deep/a.js", Some("lib/deep/a.js")),
            ("/src/coracle.yaml", Some("coracle.yaml")),
            ("/src/coracle.lock", Some("coracle.lock")),
            ("/src/.env", Some(".env")),
            ("/src/.hidden/a", Some(".hidden/a")),
            ("/etc/boat.env", Some("/etc/boat.env")),
            ("/src/.venv/x.env", Some("/src/.venv/x.env")),
            ("/src/.venv/y.env", None),
            ("/src/lib/coracle.lock", None),
            ("/src/.coracle.lock.a8Xq", None),
            ("/src/.git/HEAD", None),
            ("/src/lib/node_modules/x/index.js", None),
            ("/src/__pycache__/main.pyc", None),
            ("/src/.main.py.swp", None),
            ("/src/main.py~", None),
            ("/src/lib/.#main.py", None),
            ("/src/#main.py#", None),
            ("/src/main.py___jb_tmp___", None),
            ("/src/.goutputstream-A1B2", None),
            ("/etc/other.env", None),
            ("/srcs/main.py", None),
            ("/", None),
        ] {
            let place = scope.place(Path::new(path)).map(|place| match place {
                Place::Folder => String::new(),
                Place::File(name) => name,
            });
            assert_eq!(place.as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn a_named_file_that_is_a_link_is_itself_and_what_it_links_to() {
        let root = tempfile::tempdir().unwrap();
        let root = fs_err::canonicalize(root.path()).unwrap();
        let (folder, linked) = (root.join("folder"), root.join("linked"));
        fs_err::create_dir(&folder).unwrap();
        fs_err::write(root.join("target.env"), "").unwrap();
        fs_err::os::unix::fs::symlink(&folder, &linked).unwrap();
        fs_err::os::unix::fs::symlink("../target.env", folder.join("link.env")).unwrap();
        let named = linked.join("link.env");
        let scope = Scope::new(Path::new("/src"), [named.as_path()]);
        let expected = Some(Place::File(named.to_str().unwrap().to_owned()));
        for path in [folder.join("link.env"), root.join("target.env")] {
            assert_eq!(scope.place(&path), expected, "{}", path.display());
        }
    }

    #[test]
    fn the_folders_of_named_files_and_of_the_folder_itself_are_watched_beside_it() {
        let named = [Path::new("/etc/a"), Path::new("/etc/b"), Path::new("/home/c")];
        let beside = Scope::new(Path::new("/home/src"), named).beside();
        assert_eq!(beside, [Path::new("/etc"), Path::new("/home")]);
    }
}
