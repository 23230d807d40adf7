//! Which files of the source are the application.
//!
//! The manifest's globs are read as lines of a `.gitignore` (gitignore(5)) without negation: one without a slash
//! matches a name at any depth, one with a slash is anchored at the folder's top, and one that matches a folder
//! means all that is in it.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::context::Context;
use crate::error::PlanError;

/// Files at the folder's top that say how to build and are no part of what is built.
const ABOUT_THE_BUILD: [&str; 4] = ["coracle.yaml", "Dockerfile", ".dockerignore", ".gitignore"];

/// The files of an application.
pub(crate) struct Selected {
    pub(crate) files: Vec<String>,
    pub(crate) warnings: Vec<String>,
}

/// Answers the files of the application, sorted.
pub(crate) fn select(context: Context<'_>) -> Result<Selected, PlanError> {
    let build = &context.manifest.build;
    let include = Globs::new("build.include", &build.include)?;
    let exclude = Globs::new("build.exclude", &build.exclude)?;
    let mut selected = Selected {
        files: Vec::new(),
        warnings: Vec::new(),
    };
    for path in context.source.entries().iter().map(|entry| entry.path.as_str()) {
        let wanted = (build.include.is_empty() || include.cover(path)) && !exclude.cover(path);
        if !wanted || ABOUT_THE_BUILD.contains(&path) {
            continue;
        }
        if holds_secrets(path) && !include.cover(path) {
            selected.warnings.push(left_out(path));
        } else {
            selected.files.push(path.to_owned());
        }
    }
    Ok(selected)
}

/// Answers the files that the author's own build may read, sorted: all but those that usually hold secrets.
pub(crate) fn readable(context: Context<'_>) -> Vec<String> {
    let paths = context.source.entries().iter().map(|entry| entry.path.as_str());
    paths
        .filter(|path| !holds_secrets(path))
        .map(str::to_owned)
        .collect()
}

/// Answers whether people keep in such a file what no image may hold.
fn holds_secrets(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let samples = ["example", "sample", "template", "dist"];
    match name.strip_prefix(".env") {
        Some("") => true,
        Some(rest) => rest
            .strip_prefix('.')
            .is_some_and(|rest| !samples.iter().any(|sample| rest.ends_with(sample))),
        None => name == ".npmrc" || name == ".netrc" || name == ".pypirc",
    }
}

fn left_out(path: &str) -> String {
    format!(
        "`{path}` may hold secrets and is left out of the image; `build.include` with its name puts it in"
    )
}

/// The globs of one key.
struct Globs(GlobSet);

impl Globs {
    fn new(key: &'static str, patterns: &[String]) -> Result<Self, PlanError> {
        let invalid = |glob: &str, source| PlanError::Glob {
            key,
            glob: glob.to_owned(),
            source,
        };
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            let glob = GlobBuilder::new(&anchored(pattern))
                .literal_separator(true)
                .build();
            set.add(glob.map_err(|source| invalid(pattern, source))?);
        }
        Ok(Self(
            set.build()
                .map_err(|source| invalid(&patterns.join(", "), source))?,
        ))
    }

    /// Answers whether a glob matches the path, or a folder that it is in.
    fn cover(&self, path: &str) -> bool {
        let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
        folders.chain([path]).any(|part| self.0.is_match(part))
    }
}

fn anchored(pattern: &str) -> String {
    let trimmed = pattern.trim_start_matches("./").trim_end_matches('/');
    match trimmed.strip_prefix('/') {
        Some(anchored) => anchored.to_owned(),
        None if trimmed.contains('/') => trimmed.to_owned(),
        None => format!("**/{trimmed}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_mean_what_lines_of_a_gitignore_mean() {
        for (pattern, path, covered) in [
            ("tests", "tests/unit/a.py", true),
            ("tests/", "src/tests/a.py", true),
            ("/tests", "src/tests/a.py", false),
            ("*.md", "docs/a.md", true),
            ("docs/*.md", "docs/a.md", true),
            ("docs/*.md", "docs/deep/a.md", false),
            ("docs/**", "docs/deep/a.md", true),
            ("./a.py", "a.py", true),
            ("a.py", "b.py", false),
        ] {
            assert_eq!(
                Globs::new("k", &[pattern.to_owned()]).unwrap().cover(path),
                covered,
                "{pattern} {path}"
            );
        }
    }

    #[test]
    fn files_that_usually_hold_secrets_are_known() {
        for (path, holds) in [
            (".env", true),
            ("config/.env.production", true),
            (".env.example", false),
            (".environment", false),
            (".npmrc", true),
            ("env.py", false),
        ] {
            assert_eq!(holds_secrets(path), holds, "{path}");
        }
    }
}
