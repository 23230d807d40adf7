//! The function that the tests of serving, killing and isolation deploy: `tests/fixtures/ship`.

use std::path::Path;

use crate::machine::copy_folder;

/// A copy of the fixture, for one test to change.
pub(crate) struct Ship {
    folder: tempfile::TempDir,
}

impl Ship {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ship");
        copy_folder(&fixture, folder.path());
        Self { folder }
    }

    /// Adds a line to the manifest.
    pub(crate) fn with(self, line: &str) -> Self {
        let manifest = self.folder.path().join("coracle.yaml");
        let text = fs_err::read_to_string(&manifest).unwrap();
        fs_err::write(manifest, format!("{text}{line}\n")).unwrap();
        self
    }

    /// Names the function, which else is `ship`.
    pub(crate) fn named(self, name: &str) -> Self {
        let manifest = self.folder.path().join("coracle.yaml");
        let text = fs_err::read_to_string(&manifest).unwrap();
        fs_err::write(manifest, text.replace("name: ship", &format!("name: {name}"))).unwrap();
        self
    }

    /// Answers the folder as an argument.
    pub(crate) fn folder(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }
}
