//! A source folder for one test.

use std::path::{Path, PathBuf};

/// A folder called `boat`, gone with the test.
pub(super) struct Source {
    _root: tempfile::TempDir,
    folder: PathBuf,
}

impl Source {
    /// Makes a folder of files.
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().canonicalize().unwrap().join("boat");
        fs_err::create_dir(&folder).unwrap();
        let source = Self { _root: root, folder };
        for (path, contents) in files {
            source.write(path, contents);
        }
        source
    }

    /// Makes a program of Python's own, started by the manifest.
    pub(super) fn program(text: &str, manifest: &str) -> Self {
        let manifest = format!("runtime: python\ncommand: [python3, server.py]\n{manifest}");
        Self::of(&[("server.py", text), ("coracle.yaml", &manifest)])
    }

    pub(super) fn path(&self) -> &Path {
        &self.folder
    }

    pub(super) fn argument(&self) -> &str {
        self.folder.to_str().unwrap()
    }

    pub(super) fn write(&self, path: &str, contents: &str) {
        let path = self.folder.join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, contents).unwrap();
    }

    /// Adds a symbolic link.
    pub(super) fn link(&self, path: &str, target: impl AsRef<Path>) {
        fs_err::os::unix::fs::symlink(target, self.folder.join(path)).unwrap();
    }
}
