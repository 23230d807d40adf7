//! Programs in Go: compiled from a module's files that are beside the code that asks, with the sums of everything in it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::home::kept;
use crate::program::checked;

/// What a program is compiled of.
pub(crate) struct Module {
    /// The folder that it is kept in.
    pub(crate) name: &'static str,
    /// Its files: names and contents.
    pub(crate) files: &'static [(&'static str, &'static str)],
    /// What `go` is told, but for where the program goes.
    pub(crate) compile: &'static [&'static str],
}

impl Module {
    /// Answers the program, compiled now unless it was before, of the same files. Once however many ask at the same time.
    pub(crate) fn program(&self) -> Result<PathBuf> {
        let folder = kept()?.join(self.name);
        let program = folder.join("program");
        fs_err::create_dir_all(&folder)?;
        let lock = fs_err::File::create(folder.join("lock"))?;
        lock.file().lock()?;
        if !program.exists() || !self.is_in(&folder) {
            self.make(&folder, &program)
                .with_context(|| format!("cannot compile `{}`", self.name))?;
        }
        Ok(program)
    }

    fn is_in(&self, folder: &Path) -> bool {
        let same = |(name, text): &(&str, &str)| {
            fs_err::read_to_string(folder.join(name)).is_ok_and(|found| found == *text)
        };
        self.files.iter().all(same)
    }

    /// Compiles it beside its place: whoever runs the one before goes on doing so.
    fn make(&self, folder: &Path, program: &Path) -> Result<()> {
        if program.exists() {
            fs_err::remove_file(program)?;
        }
        for (name, text) in self.files {
            fs_err::write(folder.join(name), text)?;
        }
        let mut compile = Command::new("go");
        compile.current_dir(folder).env("GOFLAGS", "-mod=readonly");
        let (verb, rest) = self.compile.split_first().context("nothing to compile")?;
        checked(compile.arg(verb).args(["-o", "making"]).args(rest))?;
        Ok(fs_err::rename(folder.join("making"), program)?)
    }
}
