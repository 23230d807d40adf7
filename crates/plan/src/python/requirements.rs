//! Requirements files (pip documentation, "Requirements File Format").

mod line;

use std::collections::{BTreeMap, BTreeSet};

use super::local::{self, Local, beside};
use super::name;
use crate::context::Context;
use crate::error::PlanError;
use crate::op::Input;
use line::Line;

/// The most files that one requirements file may draw in.
const MOST_FILES: usize = 50;

/// What requirements files ask for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Requirements {
    /// The texts of the files read, by path, without the lines that ask for the folder's own project.
    files: BTreeMap<String, String>,
    /// Files of the source that they ask for: local packages.
    locals: BTreeSet<String>,
    /// The packages named, by normalised name, and whether an exact version is.
    packages: BTreeMap<String, bool>,
    /// The extras of the folder's own project, when its dependencies are asked for.
    pub(super) project: Option<Vec<String>>,
    /// Whether any requirement names the hash of what it allows; then pip asks it of all.
    pub(super) hashed: bool,
    /// Whether they say which index is asked in place of the usual one.
    pub(super) names_index: bool,
    /// Whether anything comes out of a Git repository.
    pub(super) needs_git: bool,
}

impl Requirements {
    /// Reads the file at `path` and those that it draws in.
    pub(super) fn read(context: Context<'_>, path: &str, named_by: &str) -> Result<Self, PlanError> {
        let mut all = Self::default();
        all.add_file(context, path, named_by)?;
        Ok(all)
    }

    /// Takes requirements from elsewhere than a file.
    pub(super) fn of<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut all = Self::default();
        lines.for_each(|line| all.add_package(line));
        all
    }

    /// Takes the names of packages whose versions are known.
    pub(super) fn named(names: BTreeSet<String>) -> Self {
        Self {
            packages: names.into_iter().map(|name| (name, true)).collect(),
            ..Self::default()
        }
    }

    /// Takes the packages that others ask for to its own.
    pub(super) fn add(&mut self, others: Self) {
        self.packages.extend(others.packages);
        self.needs_git |= others.needs_git;
    }

    /// Answers whether a package is asked for.
    pub(super) fn name(&self, package: &str) -> bool {
        self.packages.contains_key(&name::normalised(package))
    }

    /// Answers whether nothing is asked for.
    pub(super) fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.locals.is_empty()
    }

    /// Answers the packages whose version is left open.
    pub(super) fn unpinned(&self) -> impl Iterator<Item = &str> {
        self.packages
            .iter()
            .filter(|(_, pinned)| !**pinned)
            .map(|(name, _)| name.as_str())
    }

    /// Answers what installing reads, beneath `folder`.
    pub(super) fn inputs(&self, context: Context<'_>, folder: &str) -> Result<Vec<Input>, PlanError> {
        let mut files: Vec<String> = self.locals.iter().cloned().collect();
        let mut inputs = Vec::new();
        for (path, text) in &self.files {
            if context.text(path)?.as_ref() == Some(text) {
                files.push(path.clone());
            } else {
                inputs.push(Input::Text {
                    contents: text.clone(),
                    to: format!("{folder}/{path}"),
                });
            }
        }
        files.sort();
        files.dedup();
        if !files.is_empty() {
            inputs.push(Input::Source {
                files,
                to: folder.to_owned(),
            });
        }
        Ok(inputs)
    }

    fn add_file(&mut self, context: Context<'_>, path: &str, named_by: &str) -> Result<(), PlanError> {
        if self.files.contains_key(path) || self.files.len() >= MOST_FILES {
            return Ok(());
        }
        let text = context.named_text(path, named_by)?;
        self.files.insert(path.to_owned(), text.clone());
        let mut kept = text;
        for line in line::logical(&kept.clone()) {
            let place = format!("`{path}` line {}", line.number);
            if self.add_line(context, path, (&line, &place))? == Taken::Away {
                kept = kept.replacen(&line.text, "", 1);
            }
        }
        self.files.insert(path.to_owned(), kept);
        Ok(())
    }

    fn add_line(
        &mut self,
        context: Context<'_>,
        file: &str,
        (line, place): (&Line, &str),
    ) -> Result<Taken, PlanError> {
        if let Some(included) = line.option(&["-r", "--requirement"]) {
            self.add_file(context, &inside(file, included, place)?, place)?;
        } else if let Some(included) = line.option(&["-c", "--constraint"]) {
            self.add_constraints(context, &inside(file, included, place)?, place)?;
        } else if let Some(folder) = line.option(&["-f", "--find-links"]) {
            self.locals.extend(local::files_of_links(context, folder));
        } else if let Some(local) = line.local() {
            return self.add_local(context, local, place);
        } else if !line.text.starts_with('-') {
            self.add_package(&line.text);
        } else {
            self.names_index |= line.option(&["-i", "--index-url"]).is_some();
            self.needs_git |= line.text.contains("git+");
        }
        Ok(Taken::Along)
    }

    /// The folder's own project is not installed: its files are in the image, and what it depends on is installed.
    fn add_local(&mut self, context: Context<'_>, path: &str, place: &str) -> Result<Taken, PlanError> {
        match local::find(context, path, place)? {
            Local::Project { extras } => {
                self.project.get_or_insert_default().extend(extras);
                Ok(Taken::Away)
            }
            Local::Files(files) => {
                self.locals.extend(files);
                Ok(Taken::Along)
            }
        }
    }

    /// Constraints pin what is asked for elsewhere, and ask for nothing themselves.
    fn add_constraints(&mut self, context: Context<'_>, path: &str, named_by: &str) -> Result<(), PlanError> {
        let text = context.named_text(path, named_by)?;
        self.files.insert(path.to_owned(), text);
        Ok(())
    }

    fn add_package(&mut self, line: &str) {
        self.needs_git |= line.contains("git+");
        self.hashed |= line.contains("--hash");
        // An address is its own version, and does not tell the package's name.
        if line.contains("://") && !line.contains(" @ ") {
            self.packages.insert(line.to_owned(), true);
        } else if let Some(name) = name::of_requirement(line) {
            self.packages
                .insert(name, line.contains("==") || line.contains(" @ "));
        }
    }
}

/// Whether a line stays in its file.
#[derive(PartialEq, Eq)]
enum Taken {
    Along,
    Away,
}

fn inside(file: &str, path: &str, place: &str) -> Result<String, PlanError> {
    beside(file, path).ok_or_else(|| local::outside(path, place))
}

#[cfg(test)]
mod tests {
    use coracle_spec::Manifest;

    use super::*;
    use crate::{Arch, Lock, MemorySource, Target};

    fn read(files: &[(&str, &str)]) -> Result<Requirements, PlanError> {
        let source: MemorySource = files.iter().copied().collect();
        let manifest = Manifest::default_for("test".parse().unwrap());
        let (lock, target) = (Lock::default(), Target::native(Arch::Amd64));
        let context = Context {
            source: &source,
            manifest: &manifest,
            lock: &lock,
            target: &target,
        };
        Requirements::read(context, "requirements.txt", "the test")
    }

    #[test]
    fn packages_are_found_through_comments_extras_markers_and_other_files() {
        let requirements = read(&[
            ("requirements.txt", "# all\n-r deps/base.txt\n-c pins.txt\n--index-url https://x\nUvicorn[standard]>=0.3 ; python_version > '3' # why\n"),
            ("deps/base.txt", "Functions_Framework==3.10.2 \\\n    --hash=sha256:00\n-r ../requirements.txt\ngit @ git+https://x/y\n"),
            ("pins.txt", "gunicorn==1\n"),
        ])
        .unwrap();
        assert!(
            requirements.name("functions-framework")
                && requirements.name("uvicorn")
                && requirements.name("git")
        );
        assert!(!requirements.name("gunicorn") && requirements.hashed);
        assert!(requirements.names_index && requirements.needs_git);
        assert_eq!(requirements.unpinned().collect::<Vec<_>>(), ["uvicorn"]);
        assert_eq!(requirements.files.len(), 3);
    }

    #[test]
    fn the_project_itself_is_taken_out_and_other_local_packages_are_taken_along() {
        let requirements = read(&[
            (
                "requirements.txt",
                "flask==1\n-e .[web,db]\n./libs/a\nb @ file:vendor/b-1-py3-none-any.whl\n--find-links wheels\n",
            ),
            ("libs/a/pyproject.toml", ""),
            ("libs/a/a.py", ""),
            ("vendor/b-1-py3-none-any.whl", ""),
            ("wheels/c.whl", ""),
        ])
        .unwrap();
        assert_eq!(
            requirements.project,
            Some(vec!["web".to_owned(), "db".to_owned()])
        );
        assert!(!requirements.files["requirements.txt"].contains("-e"));
        assert_eq!(
            requirements.locals.iter().collect::<Vec<_>>(),
            [
                "libs/a/a.py",
                "libs/a/pyproject.toml",
                "vendor/b-1-py3-none-any.whl",
                "wheels/c.whl"
            ]
        );
    }

    #[test]
    fn what_is_missing_or_outside_is_named_with_its_line() {
        for (text, message) in [
            (
                "flask\n-r more.txt\n",
                "`more.txt` does not exist, named by `requirements.txt` line 2",
            ),
            (
                "-r ../more.txt\n",
                "`../more.txt` is outside of the folder, named by `requirements.txt` line 1",
            ),
            (
                "-e ../common\n",
                "`../common` is outside of the folder, named by `requirements.txt` line 1",
            ),
            (
                "./nothing\n",
                "`./nothing` does not exist, named by `requirements.txt` line 1",
            ),
        ] {
            assert_eq!(
                read(&[("requirements.txt", text)]).unwrap_err().to_string(),
                message
            );
        }
    }
}
