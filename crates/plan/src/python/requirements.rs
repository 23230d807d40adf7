//! Requirements files (pip documentation, "Requirements File Format").

use std::collections::{BTreeMap, BTreeSet};

use crate::context::Context;
use crate::error::PlanError;

/// The most files that one requirements file may draw in.
const MOST_FILES: usize = 50;

/// What requirements files ask for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Requirements {
    /// The files read, by path.
    pub(super) files: BTreeSet<String>,
    /// The packages named, by normalised name, and whether an exact version is.
    packages: BTreeMap<String, bool>,
    /// Whether any requirement names the hash of what it allows; then pip asks it of all.
    pub(super) hashed: bool,
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

    /// Answers whether a package is asked for.
    pub(super) fn name(&self, package: &str) -> bool {
        self.packages.contains_key(&normalised(package))
    }

    /// Answers whether nothing is asked for.
    pub(super) fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    /// Answers the packages whose version is left open.
    pub(super) fn unpinned(&self) -> impl Iterator<Item = &str> {
        self.packages
            .iter()
            .filter(|(_, pinned)| !**pinned)
            .map(|(name, _)| name.as_str())
    }

    fn add_file(&mut self, context: Context<'_>, path: &str, named_by: &str) -> Result<(), PlanError> {
        if self.files.contains(path) || self.files.len() >= MOST_FILES {
            return Ok(());
        }
        let text = context.named_text(path, named_by)?;
        self.files.insert(path.to_owned());
        for (number, line) in logical_lines(&text) {
            self.add_line(context, path, (number, &line))?;
        }
        Ok(())
    }

    fn add_line(
        &mut self,
        context: Context<'_>,
        file: &str,
        (number, line): (usize, &str),
    ) -> Result<(), PlanError> {
        let place = || format!("`{file}` line {number}");
        if let Some(included) = option(line, &["-r", "--requirement", "-c", "--constraint"]) {
            let path = beside(file, included).ok_or_else(|| outside(included, &place()))?;
            let constrains = line.starts_with("-c") || line.starts_with("--constraint");
            return if constrains {
                self.add_constraints(context, &path, &place())
            } else {
                self.add_file(context, &path, &place())
            };
        }
        if option(line, &["-e", "--editable"]).is_some()
            || line.starts_with(['.', '/'])
            || line.contains("file:")
        {
            return Err(local(line, &place()));
        }
        if !line.starts_with('-') {
            self.add_package(line);
        }
        Ok(())
    }

    /// Constraints pin what is asked for elsewhere, and ask for nothing themselves.
    fn add_constraints(&mut self, context: Context<'_>, path: &str, named_by: &str) -> Result<(), PlanError> {
        context.named_text(path, named_by)?;
        self.files.insert(path.to_owned());
        Ok(())
    }

    fn add_package(&mut self, line: &str) {
        // An address is its own version, and does not tell the package's name.
        if line.contains("://") && !line.contains(" @ ") {
            self.packages.insert(line.to_owned(), true);
            return;
        }
        let name: String = line
            .chars()
            .take_while(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(*letter))
            .collect();
        if !name.is_empty() {
            self.packages
                .insert(normalised(&name), line.contains("==") || line.contains(" @ "));
            self.hashed |= line.contains("--hash");
        }
    }
}

/// Lines with their numbers, with continued ones joined and comments taken away.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut joined = String::new();
    for (index, line) in text.lines().enumerate() {
        let line = without_comment(line);
        if let Some(start) = line.strip_suffix('\\') {
            joined += start;
            continue;
        }
        let whole = format!("{joined}{line}").trim().to_owned();
        joined.clear();
        if !whole.is_empty() {
            lines.push((index + 1, whole));
        }
    }
    lines
}

/// A comment starts the line or follows white space.
fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with('#') {
        return "";
    }
    let end = line.find(" #").or_else(|| line.find("\t#")).unwrap_or(line.len());
    line[..end].trim_end()
}

fn option<'a>(line: &'a str, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| {
        let rest = line.strip_prefix(name)?;
        (rest.starts_with([' ', '=', '\t'])).then(|| rest.trim_start_matches([' ', '=', '\t']).trim())
    })
}

/// A path that a file names relative to itself, or nothing when it leads out of the folder.
fn beside(file: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    (!path.starts_with('/')).then(|| parts.join("/"))
}

/// The form in which names of packages are compared (PEP 503, "Normalized Names").
fn normalised(name: &str) -> String {
    let mut normal = String::new();
    for letter in name.chars().map(|letter| letter.to_ascii_lowercase()) {
        match letter {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            other => normal.push(other),
        }
    }
    normal
}

fn outside(path: &str, place: &str) -> PlanError {
    PlanError::Dependencies {
        message: format!("`{path}` is outside of the folder, named by {place}"),
        instead: "keep requirements files inside of the folder".to_owned(),
    }
}

fn local(line: &str, place: &str) -> PlanError {
    PlanError::NotYet {
        what: format!("installing a local project (`{line}`, {place})"),
        instead: "leave it out: the folder's own modules are found without being installed".to_owned(),
    }
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
        assert_eq!(requirements.unpinned().collect::<Vec<_>>(), ["uvicorn"]);
        assert_eq!(requirements.files.len(), 3);
    }

    #[test]
    fn what_is_missing_outside_or_local_is_named_with_its_line() {
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
                "-e .\n",
                "installing a local project (`-e .`, `requirements.txt` line 1) is not supported yet",
            ),
        ] {
            assert_eq!(
                read(&[("requirements.txt", text)]).unwrap_err().to_string(),
                message
            );
        }
    }
}
