//! Paths with the paths that links there lead to.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use coracle_plan::patterns::{clean, has_wildcards, wildcard};

use super::ContextError;

/// The most paths that are followed, links counted.
const MOST: usize = 10_000;

/// Answers `paths`, which may be patterns in their names, and all that links on their way lead to, as patterns for what
/// is sent. Empty if that is the whole folder.
pub(super) fn follow(folder: &Path, paths: &[String]) -> Result<Vec<String>, ContextError> {
    let mut following = Following {
        folder,
        resolved: BTreeSet::new(),
    };
    for path in paths {
        following.add(path)?;
    }
    if following.resolved.contains(".") {
        return Ok(vec!["**".to_owned()]);
    }
    Ok(following.resolved.into_iter().collect())
}

struct Following<'a> {
    folder: &'a Path,
    resolved: BTreeSet<String>,
}

impl Following<'_> {
    /// Walks along `path` to its end, or to the first link, where it goes on.
    fn add(&mut self, path: &str) -> Result<(), ContextError> {
        // From the top, so that no `..` leads out.
        let path = clean(&format!("/{path}"));
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        let mut current = String::new();
        for (index, name) in names.iter().enumerate() {
            let parent = current.clone();
            current = joined(&current, name);
            let targets = self.targets(&parent, name)?;
            if !targets.is_empty() {
                let rest = names[index + 1..].join("/");
                return self.go_on(current, &targets, &rest);
            }
        }
        self.keep(if current.is_empty() {
            ".".to_owned()
        } else {
            current
        })
        .map(drop)
    }

    fn go_on(&mut self, link: String, targets: &[String], rest: &str) -> Result<(), ContextError> {
        // A link that was seen before leads where it led then.
        if self.keep(link)? {
            for target in targets {
                self.add(&joined(target, rest))?;
            }
        }
        Ok(())
    }

    /// Notes a path; answers whether it is new.
    fn keep(&mut self, path: String) -> Result<bool, ContextError> {
        if self.resolved.len() >= MOST {
            return Err(ContextError::TooMany);
        }
        Ok(self.resolved.insert(path))
    }

    /// Answers what the links called `name`, which may be a pattern, in `parent` lead to.
    fn targets(&self, parent: &str, name: &str) -> Result<Vec<String>, ContextError> {
        if !has_wildcards(name) {
            return Ok(self.target(parent, name)?.into_iter().collect());
        }
        let pattern = wildcard(name)?;
        let mut targets = Vec::new();
        for child in self.names(parent)? {
            if pattern.is_match(&child) {
                targets.extend(self.target(parent, &child)?);
            }
        }
        Ok(targets)
    }

    fn names(&self, parent: &str) -> io::Result<Vec<String>> {
        let listed = match fs_err::read_dir(self.folder.join(parent)) {
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            listed => listed?,
        };
        listed
            .map(|child| Ok(child?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    /// Answers what a link leads to, from the top of the folder; `None` if it is no link.
    fn target(&self, parent: &str, name: &str) -> io::Result<Option<String>> {
        let path = self.folder.join(parent).join(name);
        match fs_err::symlink_metadata(&path) {
            Ok(found) if found.is_symlink() => {}
            Ok(_) => return Ok(None),
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
        let target = fs_err::read_link(&path)?;
        let target = target.to_string_lossy();
        Ok(Some(if target.starts_with('/') {
            target.into_owned()
        } else {
            joined(parent, &target)
        }))
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn joined(parent: &str, name: &str) -> String {
    match (parent, name) {
        ("", name) => name.to_owned(),
        (parent, "") => parent.to_owned(),
        (parent, name) => format!("{parent}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_within_the_folder_and_round_only_once() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["a/b", "c"] {
            fs_err::create_dir_all(root.path().join(folder)).unwrap();
        }
        fs_err::write(root.path().join("c/file"), "").unwrap();
        for (target, link) in [
            ("../../c", "a/b/out"),
            ("loop", "loop"),
            ("/c/file", "absolute"),
            ("../../../c", "far"),
            ("c", "wild-1"),
        ] {
            symlink(target, root.path().join(link)).unwrap();
        }
        for (path, expected) in [
            ("c/file", &["c/file"][..]),
            ("a/b/out/file", &["a/b/out", "c/file"]),
            ("loop/x", &["loop"]),
            ("absolute", &["absolute", "c/file"]),
            ("far/file", &["c/file", "far"]),
            ("wild-*", &["c", "wild-*"]),
            ("missing/x", &["missing/x"]),
            ("../../c", &["c"]),
            ("/", &["**"]),
        ] {
            let followed = follow(root.path(), &[path.to_owned()]).unwrap();
            assert_eq!(followed, expected, "{path}");
        }
    }
}
