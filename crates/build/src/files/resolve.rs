//! Where a path leads in a tree, and what a pattern finds there.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

use coracle_plan::patterns::{clean, has_wildcards, wildcard};
use rustix::io::Errno;

use super::{Files, NodeKind};

/// The most links on one way.
const MOST_LINKS: usize = 255;

/// Follows all links of `path` with the tree as the only world there is. What is not there stays as it is written.
pub(crate) fn resolve(files: &dyn Files, path: &Path) -> io::Result<PathBuf> {
    let mut pending: VecDeque<OsString> = steps(path).collect();
    let (mut done, mut links) = (PathBuf::new(), 0);
    while let Some(name) = pending.pop_front() {
        if name == ".." {
            done.pop();
            continue;
        }
        let here = done.join(&name);
        if !is_link(files, &here)? {
            done = here;
            continue;
        }
        links += 1;
        if links > MOST_LINKS {
            return Err(Errno::LOOP.into());
        }
        let target = files.link(&here)?;
        if target.is_absolute() {
            done.clear();
        }
        for step in steps(&target).collect::<Vec<_>>().into_iter().rev() {
            pending.push_front(step);
        }
    }
    Ok(done)
}

fn is_link(files: &dyn Files, path: &Path) -> io::Result<bool> {
    Ok(files.node(path)?.is_some_and(|node| node.kind == NodeKind::Link))
}

fn steps(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

/// Answers the paths that `pattern` finds, in the order of their names: the path itself, be it there or not, when it
/// has no wildcards. Links are followed in front of the first wildcard only.
///
/// # Errors
/// When the folder in front of the first wildcard is not there, or the pattern is none.
pub(crate) fn matching(files: &dyn Files, pattern: &str) -> io::Result<Vec<PathBuf>> {
    let pattern = clean(&format!("/{pattern}"));
    let parts: Vec<&str> = pattern.split('/').skip(1).collect();
    let Some(first) = parts.iter().position(|part| has_wildcards(part)) else {
        return Ok(vec![PathBuf::from(pattern.trim_start_matches('/'))]);
    };
    let base = resolve(files, Path::new(&parts[..first].join("/")))?;
    if files.node(&base)?.is_none() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let mut found = vec![base];
    for part in &parts[first..] {
        found = step(files, &found, part)?;
    }
    Ok(found)
}

/// Answers what is called `part`, a name or a pattern of names, in any of `folders`.
fn step(files: &dyn Files, folders: &[PathBuf], part: &str) -> io::Result<Vec<PathBuf>> {
    let pattern = wildcard(part).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let mut found = Vec::new();
    for folder in folders {
        if !files.node(folder)?.is_some_and(|node| node.is_folder()) {
            continue;
        }
        let names = files.names(folder)?;
        let names = names
            .into_iter()
            .filter(|name| pattern.is_match(&name.to_string_lossy()));
        found.extend(names.map(|name| folder.join(name)));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use fs_err as fs;

    use super::super::Root;
    use super::*;

    fn tree() -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().unwrap();
        for path in ["a/one", "a/two", "b/c"] {
            fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        for path in ["a/one/x.js", "a/two/y.js", "a/z.js"] {
            fs::write(folder.path().join(path), "").unwrap();
        }
        for (target, link) in [
            ("/a", "up"),
            ("../../../../a/one", "b/deep"),
            ("loop", "loop"),
            ("/gone/x", "dangling"),
        ] {
            symlink(target, folder.path().join(link)).unwrap();
        }
        let root = Root::open(folder.path()).unwrap();
        (folder, root)
    }

    #[test]
    fn links_lead_to_what_is_beneath_the_top_however_they_are_written() {
        let (_folder, root) = tree();
        for (path, expected) in [
            ("/up/one", "a/one"),
            ("b/deep/x.js", "a/one/x.js"),
            ("../../b/c", "b/c"),
            ("dangling/y", "gone/x/y"),
            ("nothing/there", "nothing/there"),
            ("/", ""),
        ] {
            assert_eq!(
                resolve(&root, Path::new(path)).unwrap(),
                Path::new(expected),
                "{path}"
            );
        }
        assert!(resolve(&root, Path::new("loop")).is_err());
    }

    #[test]
    fn wildcards_find_names_in_order_and_follow_links_in_front_of_them_only() {
        let (_folder, root) = tree();
        for (pattern, expected) in [
            ("a/*/*.js", vec!["a/one/x.js", "a/two/y.js"]),
            ("up/*.js", vec!["a/z.js"]),
            ("*/z.js", vec!["a/z.js"]),
            ("*.nothing", vec![]),
            ("/a/./one/", vec!["a/one"]),
        ] {
            let found = matching(&root, pattern).unwrap();
            let found: Vec<_> = found.iter().map(|path| path.to_str().unwrap()).collect();
            if pattern == "*/z.js" {
                assert!(found.contains(&"a/z.js"));
            } else {
                assert_eq!(found, expected, "{pattern}");
            }
        }
        assert!(matching(&root, "missing/*").is_err() && matching(&root, "[a").is_err());
    }
}
