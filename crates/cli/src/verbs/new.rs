//! `coracle new`: a folder with a first function.
//!
//! Templates are the files of the built-in runtimes.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use coracle_plan::runtimes::{self, Runtime};
use coracle_spec::{Class, Failure, FunctionName};

use crate::context::Context;
use crate::error::Error;

/// Make a folder with a first function
#[derive(Debug, Args)]
pub(crate) struct New {
    /// The function's name, which is also the folder's
    name: FunctionName,
    /// What to begin with: see `coracle runtimes`
    #[arg(long, short, default_value = runtimes::DEFAULT)]
    runtime: String,
}

/// Why no folder is made.
#[derive(Debug, thiserror::Error)]
enum NewError {
    #[error("there is no runtime `{0}`")]
    UnknownRuntime(String),
    #[error("`{}` is there already", .0.display())]
    Occupied(PathBuf),
    #[error("cannot make `{}`", path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl Failure for NewError {
    fn class(&self) -> Class {
        match self {
            Self::Occupied(_) => Class::Conflict,
            Self::UnknownRuntime(_) | Self::Write { .. } => Class::User,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Occupied(path) => Some(format!("run what is in it: `coracle up {}`", path.display())),
            Self::UnknownRuntime(_) => Some("`coracle runtimes` lists them".to_owned()),
            Self::Write { .. } => None,
        }
    }
}

impl New {
    #[expect(clippy::unused_async, reason = "verbs are run alike")]
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        let folder = PathBuf::from(self.name.as_str());
        let Some(runtime) = runtimes::find(&self.runtime) else {
            return Err(NewError::UnknownRuntime(self.runtime).into());
        };
        write(&folder, runtime, &self.name)?;
        context
            .printer
            .say(format_args!("run it: coracle up {}", self.name));
        Ok(context.printer.line(folder.display())?)
    }
}

/// Makes the folder; what is there already is never written over.
fn write(folder: &Path, runtime: &Runtime, name: &FunctionName) -> Result<(), NewError> {
    let failed = |source| NewError::Write {
        path: folder.to_owned(),
        source,
    };
    match fs_err::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(NewError::Occupied(folder.to_owned()));
        }
        result => result.map_err(failed)?,
    }
    for (path, contents) in runtime.files(name) {
        fs_err::write(folder.join(path), contents).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_there_is_not_touched() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("hello");
        let make = |runtime| {
            write(
                &folder,
                runtimes::find(runtime).unwrap(),
                &"hello".parse().unwrap(),
            )
        };
        make("python").unwrap();
        fs_err::write(folder.join("main.py"), "mine").unwrap();
        assert!(matches!(make("node"), Err(NewError::Occupied(_))));
        assert_eq!(fs_err::read_to_string(folder.join("main.py")).unwrap(), "mine");
        assert!(!folder.join("index.js").exists());
    }
}
