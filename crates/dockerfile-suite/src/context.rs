//! A case's context, written where it can be built.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::case::{Case, EXPECTED, OPTIONS, SERVED};

/// A context on disk and the secrets beside it, removed when dropped.
#[derive(Debug)]
pub struct Context {
    folder: tempfile::TempDir,
}

impl Context {
    /// Writes the context of `case`: as it is in the repository, with the modes that git would give it anywhere, and with
    /// what git cannot hold.
    pub fn of(case: &Case) -> Result<Self> {
        let context = Self {
            folder: tempfile::tempdir()?,
        };
        let path = context.path();
        copy(&case.folder, &path, &[OPTIONS, EXPECTED, SERVED])?;
        case.options.setup.apply(&path)?;
        for (id, value) in &case.options.secrets {
            fs_err::write(context.secret(id), value)?;
        }
        Ok(context)
    }

    /// Answers the folder of the context.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("context")
    }

    /// Answers the file that has the secret `id`.
    pub fn secret(&self, id: &str) -> PathBuf {
        self.folder.path().join(format!("secret-{id}"))
    }

    /// Answers a folder of the build's own, which does not exist, for the image.
    pub fn output(&self) -> PathBuf {
        self.folder.path().join("output")
    }
}

fn copy(from: &Path, to: &Path, without: &[&str]) -> Result<()> {
    fs_err::create_dir(to)?;
    fs_err::set_permissions(to, Permissions::from_mode(0o755))?;
    for entry in fs_err::read_dir(from)? {
        let (entry, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        let target = to.join(&name);
        if without.iter().any(|without| name == *without) {
            continue;
        }
        if entry.is_dir() {
            copy(&entry, &target, &[])?;
        } else {
            copy_file(&entry, &target)?;
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> Result<()> {
    let is_program = fs_err::metadata(from)?.permissions().mode() & 0o100 != 0;
    fs_err::copy(from, to)?;
    let mode = if is_program { 0o755 } else { 0o644 };
    Ok(fs_err::set_permissions(to, Permissions::from_mode(mode))?)
}
