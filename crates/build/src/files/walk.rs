//! What is taken of a folder: everything, or what patterns say.

use std::io;
use std::path::{Path, PathBuf};

use coracle_plan::patterns::{Above, Patterns};

use super::{Files, Node};

/// What is taken of a folder.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    /// Patterns of what is taken; none for everything.
    pub(crate) include: Patterns,
    /// Patterns of what is left out all the same.
    pub(crate) exclude: Patterns,
}

/// Something that is taken.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Where it is, relative to what is walked.
    pub(crate) relative: PathBuf,
    pub(crate) node: Node,
    /// Whether no rule takes it, but something in it.
    pub(crate) is_owed: bool,
}

/// Something that is still to be looked at.
struct Pending {
    path: PathBuf,
    relative: PathBuf,
    include: Above,
    exclude: Above,
}

/// What the rules say of something.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Verdict {
    is_taken: bool,
    is_excluded: bool,
}

/// Visits `top`, which is taken whatever the rules say, and what they take of all that is in it. A folder comes before
/// what is in it; one that no rule takes comes when something in it is taken.
pub(crate) fn walk<E: From<io::Error>>(
    files: &dyn Files,
    top: &Path,
    rules: &Rules,
    visit: &mut dyn FnMut(&Visit) -> Result<(), E>,
) -> Result<(), E> {
    let mut pending = vec![Pending {
        path: top.to_owned(),
        relative: PathBuf::new(),
        include: Above::default(),
        exclude: Above::default(),
    }];
    let mut owed: Vec<Visit> = Vec::new();
    while let Some(next) = pending.pop() {
        let (verdict, include, exclude) = rules.judge(&next);
        if !verdict.is_taken && rules.leaves_nothing_in() {
            continue;
        }
        let node = files.node(&next.path)?;
        let node = node.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let found = Visit {
            path: next.path,
            relative: next.relative,
            node,
            is_owed: !verdict.is_taken,
        };
        owed.retain(|above| found.relative.starts_with(&above.relative));
        if verdict.is_taken {
            owed.drain(..).try_for_each(|above| visit(&above))?;
            visit(&found)?;
        }
        if !node.is_folder() || verdict.is_excluded && !rules.exclude.have_exceptions() {
            continue;
        }
        for name in files.names(&found.path)?.into_iter().rev() {
            pending.push(Pending {
                path: found.path.join(&name),
                relative: found.relative.join(&name),
                include: include.clone(),
                exclude: exclude.clone(),
            });
        }
        if !verdict.is_taken {
            owed.push(found);
        }
    }
    Ok(())
}

impl Rules {
    fn judge(&self, next: &Pending) -> (Verdict, Above, Above) {
        let text = next.relative.to_string_lossy();
        if text.is_empty() {
            let taken = Verdict {
                is_taken: true,
                is_excluded: false,
            };
            return (taken, Above::default(), Above::default());
        }
        let (is_included, include) = self.include.look(&text, &next.include);
        let (is_excluded, exclude) = self.exclude.look(&text, &next.exclude);
        let is_taken = (is_included || self.include.is_empty()) && !is_excluded;
        (
            Verdict {
                is_taken,
                is_excluded,
            },
            include,
            exclude,
        )
    }

    /// Answers whether nothing is taken of a folder that is not.
    fn leaves_nothing_in(&self) -> bool {
        self.include.is_empty() && !self.exclude.have_exceptions()
    }
}

#[cfg(test)]
mod tests {
    use fs_err as fs;

    use super::super::Root;
    use super::*;

    fn taken(include: &[&str], exclude: &[&str]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for path in ["a/b", "c/empty"] {
            fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        for path in ["a/b/x.js", "a/b/x.md", "a/y.md", "c/z.js"] {
            fs::write(folder.path().join(path), "").unwrap();
        }
        let root = Root::open(folder.path()).unwrap();
        let rules = Rules {
            include: Patterns::new(include).unwrap(),
            exclude: Patterns::new(exclude).unwrap(),
        };
        let mut visited = Vec::new();
        walk(&root, Path::new(""), &rules, &mut |visit| {
            visited.push(visit.relative.to_str().unwrap().to_owned());
            Ok::<_, io::Error>(())
        })
        .unwrap();
        visited
    }

    #[test]
    fn folders_come_first_and_only_where_something_is_taken() {
        assert_eq!(taken(&["a/*/*.js"], &[]), ["", "a", "a/b", "a/b/x.js"]);
        assert_eq!(taken(&["**/*.md"], &["a/b"]), ["", "a", "a/y.md"]);
        assert_eq!(taken(&[], &["a", "**/*.js"]), ["", "c", "c/empty"]);
        assert_eq!(
            taken(&[], &["a", "!a/b/x.md"]),
            ["", "a", "a/b", "a/b/x.md", "c", "c/empty", "c/z.js"]
        );
    }
}
