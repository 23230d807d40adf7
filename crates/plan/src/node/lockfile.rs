//! Lock files of package managers, looked into before anything is installed.
//!
//! Each manager notices by itself that a lock file is out of date, but only after its builder is there, and each in
//! other words.

mod npm;
mod pnpm;
mod yarn;

use super::manager::{Chosen, Manager};
use super::package::{self, Package};
use crate::context::Context;
use crate::error::PlanError;

pub(super) use pnpm::Format as PnpmFormat;
pub(super) use yarn::format as berry_format;

/// Fails when the lock file is broken, or lacks a package that the author depends on.
pub(super) fn check(context: Context<'_>, package: &Package, chosen: &Chosen) -> Result<(), PlanError> {
    let Some(file) = chosen.lock else {
        return Ok(());
    };
    let text = context.named_text(file, "the package manager")?;
    let missing = match chosen.manager {
        Manager::Npm => npm::missing(file, &text, package),
        Manager::Pnpm => pnpm::missing(file, &text, package),
        Manager::Yarn => Ok(yarn::missing(&text, package, "")),
        Manager::Berry => Ok(yarn::missing(&text, package, "npm:")),
    }?;
    missing.map_or(Ok(()), |name| Err(out_of_date(file, &name, chosen.manager)))
}

fn out_of_date(file: &str, name: &str, manager: Manager) -> PlanError {
    let mend = match manager {
        Manager::Npm => "npm install --package-lock-only",
        Manager::Pnpm => "pnpm install --lockfile-only",
        Manager::Yarn => "yarn install",
        Manager::Berry => "yarn install --mode=update-lockfile",
    };
    PlanError::Dependencies {
        message: format!(
            "`{file}` does not have `{name}`, which `{}` depends on",
            package::FILE
        ),
        instead: format!("bring it up to date: `{mend}`"),
    }
}

fn line_of(text: &str, word: &str) -> usize {
    text.lines()
        .position(|line| line.contains(word))
        .map_or(1, |index| index + 1)
}
