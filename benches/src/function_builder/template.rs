//! A provider's template for Python, and contexts of it whose code is new.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use coracle_peers::checked;

use crate::program::repository;

/// What becomes of the code.
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// What the Dockerfile has after its copy.
    more: &'static str,
}

pub(super) const KINDS: [Kind; 2] = [
    Kind {
        name: "is copied",
        more: "",
    },
    Kind {
        name: "is copied, and compiled by a command",
        more: "RUN python3 -m compileall -q function\n",
    },
];

/// How many contexts there were, so that each has code of its own.
static MADE: AtomicUsize = AtomicUsize::new(0);

/// A folder of a client's, in which contexts are made one after the other.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Copies the template to `place`, unless it is there already.
    pub(super) fn of(place: PathBuf, kind: &Kind) -> Result<Self> {
        if !place.exists() {
            let template = repository("benches/function-builder");
            checked(Command::new("cp").arg("-rT").arg(&template).arg(&place))?;
        }
        let dockerfile = fs_err::read_to_string(repository("benches/function-builder/Dockerfile"))?;
        let ends = "USER 1000\n";
        fs_err::write(
            place.join("Dockerfile"),
            dockerfile.replace(ends, &format!("{}{ends}", kind.more)),
        )?;
        Ok(Self(place))
    }

    /// Makes its code one that nobody has seen.
    pub(super) fn change(&self) -> Result<()> {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let code = fs_err::read_to_string(repository("benches/function-builder/function/handler.py"))?;
        let to = self.0.join("function/handler.py");
        Ok(fs_err::write(to, format!("{code}\n# {number}\n"))?)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}
