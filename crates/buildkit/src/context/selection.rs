//! Which paths of a folder are sent.

use std::path::Path;

use coracle_plan::patterns::{Above, Patterns, clean};

use super::ContextError;
use super::follow::follow;

/// The most patterns.
const MOST_PATTERNS: usize = 10_000;

/// What BuildKit asks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// Patterns of what is sent; everything if there are none.
    pub(crate) include: Vec<String>,
    /// Patterns of what is not, and, with `!`, of what is nevertheless.
    pub(crate) exclude: Vec<String>,
    /// Paths that are sent, with those that links there lead to.
    pub(crate) follow: Vec<String>,
}

/// Which paths of a folder are sent.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    include: Patterns,
    exclude: Patterns,
    /// Whether something beneath a folder may be wanted that is not wanted itself, by the patterns' texts.
    plain: Option<Vec<String>>,
}

/// How a path stands to a selection.
#[derive(Debug, Clone, Default)]
pub(super) struct Standing {
    /// Whether it is sent.
    pub(super) is_sent: bool,
    /// Whether something beneath it may be.
    pub(super) is_entered: bool,
    include: Above,
    exclude: Above,
}

impl Selection {
    /// Understands what is wanted of `folder`, where links are looked up.
    pub(crate) fn of(folder: &Path, wanted: &Wanted) -> Result<Self, ContextError> {
        if wanted.include.len() + wanted.exclude.len() > MOST_PATTERNS {
            return Err(ContextError::TooMany);
        }
        let mut include = wanted.include.clone();
        if !wanted.follow.is_empty() {
            include.extend(follow(folder, &wanted.follow)?);
        }
        Ok(Self {
            include: Patterns::new(&include)?,
            exclude: Patterns::new(&wanted.exclude)?,
            plain: plain(&include),
        })
    }

    /// Answers how `path` stands, given how the folder that it is in does.
    pub(super) fn standing(&self, path: &str, folder: &Standing) -> Standing {
        let (is_included, include) = self.include.look(path, &folder.include);
        let (is_unwanted, exclude) = self.exclude.look(path, &folder.exclude);
        let is_wanted = is_included || self.include.is_empty();
        let may_be_wanted = is_wanted || self.may_be_wanted_beneath(path);
        Standing {
            is_sent: is_wanted && !is_unwanted,
            is_entered: may_be_wanted && (!is_unwanted || self.exclude.have_exceptions()),
            include,
            exclude,
        }
    }

    fn may_be_wanted_beneath(&self, folder: &str) -> bool {
        let is_beneath = |path: &String| {
            path.strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        self.plain
            .as_ref()
            .is_none_or(|paths| paths.iter().any(is_beneath))
    }
}

/// Answers the patterns as paths; `None` if one of them is more than that.
fn plain(patterns: &[String]) -> Option<Vec<String>> {
    let is_plain = |path: &String| !path.contains(['*', '?', '[', '^', '\\', '!']);
    let paths: Vec<_> = patterns.iter().map(|text| clean(text.trim())).collect();
    paths.iter().all(is_plain).then_some(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excluding(patterns: &[&str]) -> Selection {
        let exclude = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        let wanted = Wanted {
            exclude,
            ..Wanted::default()
        };
        Selection::of(Path::new("/"), &wanted).unwrap()
    }

    /// Answers how a path stands when each folder above it was asked first.
    fn standing(selection: &Selection, path: &str) -> Standing {
        let ends = path
            .match_indices('/')
            .map(|(index, _)| index)
            .chain([path.len()]);
        ends.fold(Standing::default(), |folder, end| {
            selection.standing(&path[..end], &folder)
        })
    }

    #[test]
    fn the_last_pattern_that_fits_decides_and_folders_decide_for_what_is_in_them() {
        for (patterns, path, is_sent) in [
            (&["a"][..], "a", false),
            (&["a"], "a/b/c", false),
            (&["a", "!a/b"], "a/b/c", true),
            (&["a", "!a/b"], "a/x", false),
            (&["a", "!a/b", "a/b/c"], "a/b/c", false),
            (&["*", "!keep"], "keep/x", true),
            (&["*", "!keep"], "other", false),
            (&["*.md", "!README*.md", "README-secret.md"], "README.md", true),
            (
                &["*.md", "!README*.md", "README-secret.md"],
                "README-secret.md",
                false,
            ),
            (&[" a/ ", ""], "a", false),
            (&["./a//b/../c"], "a/c", false),
        ] {
            let selection = excluding(patterns);
            assert_eq!(standing(&selection, path).is_sent, is_sent, "{patterns:?} {path}");
        }
    }

    #[test]
    fn folders_are_entered_only_where_something_may_be_sent() {
        assert!(!standing(&excluding(&["a"]), "a").is_entered);
        assert!(standing(&excluding(&["a", "!a/b"]), "a").is_entered);
        let wanted = Wanted {
            include: vec!["a/b".to_owned()],
            ..Wanted::default()
        };
        let selection = Selection::of(Path::new("/"), &wanted).unwrap();
        assert!(standing(&selection, "a").is_entered && !standing(&selection, "a").is_sent);
        assert!(!standing(&selection, "b").is_entered);
        assert!(standing(&selection, "a/b/c/d").is_sent);
    }
}
