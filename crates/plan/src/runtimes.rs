//! The built-in runtimes: what new projects start from, and what `runtime:` in a manifest may name.
//!
//! They are plain files in `runtimes/`, embedded one by one: a table that a test compares with the folder, where
//! a build script or a macro crate would only hide the list.

use std::sync::LazyLock;

use coracle_spec::FunctionName;
use serde::Deserialize;

/// What stands for the function's name in a runtime's files.
const NAME: &str = "{{name}}";

/// A built-in runtime.
#[derive(Debug, Clone)]
pub struct Runtime {
    name: &'static str,
    definition: Definition,
    files: &'static [(&'static str, &'static str)],
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition {
    summary: String,
    language: Language,
}

/// Which compiler plans a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Go.
    Go,
    /// Python.
    Python,
    /// JavaScript on Node.
    Node,
}

impl Runtime {
    /// Answers its name: `python-flask`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Answers what it is for, in one line.
    pub fn summary(&self) -> &str {
        &self.definition.summary
    }

    /// Answers its language.
    pub fn language(&self) -> Language {
        self.definition.language
    }

    /// Answers the files of a new project called `name`: their paths and what is in them.
    pub fn files(&self, name: &FunctionName) -> impl Iterator<Item = (&'static str, String)> {
        let name = name.to_string();
        self.files
            .iter()
            .map(move |(path, contents)| (*path, contents.replace(NAME, &name)))
    }
}

/// Answers all runtimes, sorted by name.
pub fn all() -> &'static [Runtime] {
    static ALL: LazyLock<Vec<Runtime>> = LazyLock::new(|| EMBEDDED.iter().map(runtime).collect());
    &ALL
}

/// Answers the runtime called `name`.
pub fn find(name: &str) -> Option<&'static Runtime> {
    all().iter().find(|runtime| runtime.name == name)
}

/// The runtime of a new project whose author names none.
pub const DEFAULT: &str = "python";

type Embedded = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

#[expect(
    clippy::expect_used,
    reason = "the files are part of the program, and a test reads them all"
)]
fn runtime((name, definition, files): &Embedded) -> Runtime {
    let definition = serde_saphyr::from_str(definition).expect("an embedded definition is right");
    Runtime {
        name,
        definition,
        files,
    }
}

macro_rules! embedded {
    ($($name:literal: [$($file:literal),+]),+ $(,)?) => {
        &[$((
            $name,
            include_str!(concat!("../../../runtimes/", $name, "/runtime.yaml")),
            &[$(($file, include_str!(concat!("../../../runtimes/", $name, "/", $file)))),+],
        )),+]
    };
}

const EMBEDDED: &[Embedded] = embedded! {
    "go": ["function.go", "go.mod"],
    "go-server": ["go.mod", "main.go"],
    "node": ["index.js", "package.json"],
    "node-cloudevent": ["index.js", "package.json"],
    "node-express": ["package-lock.json", "package.json", "server.js"],
    "python": ["main.py", "requirements.txt"],
    "python-cloudevent": ["main.py", "requirements.txt"],
    "python-fastapi": ["main.py", "requirements.txt"],
    "python-flask": ["app.py", "requirements.txt"],
    "python-server": ["server.py"],
    "typescript": ["index.ts", "package.json", "tsconfig.json"],
    "typescript-express": ["package-lock.json", "package.json", "server.ts", "tsconfig.json"],
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn everything_in_the_folder_is_embedded_and_sorted() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runtimes");
        let mut on_disk = BTreeSet::new();
        for runtime in fs_err::read_dir(folder).unwrap().map(Result::unwrap) {
            if runtime.file_type().unwrap().is_dir() {
                for file in fs_err::read_dir(runtime.path()).unwrap().map(Result::unwrap) {
                    on_disk.insert((
                        runtime.file_name().into_string().unwrap(),
                        file.file_name().into_string().unwrap(),
                    ));
                }
            }
        }
        let embedded = EMBEDDED.iter().flat_map(|(name, _, files)| {
            let files = files.iter().map(|(file, _)| *file).chain(["runtime.yaml"]);
            files.map(|file| ((*name).to_owned(), file.to_owned()))
        });
        assert_eq!(on_disk, embedded.collect());
        assert!(all().is_sorted_by_key(Runtime::name));
        assert!(find(DEFAULT).is_some());
    }
}
