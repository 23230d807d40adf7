//! A source folder as the user names it: where it is, and what its manifest says.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use coracle_build::{Locking, Request};
use coracle_plan::{Arch, Target};
use coracle_spec::manifest::{FILE_NAME, ManifestError, name_of_folder};
use coracle_spec::{Class, Failure, Manifest};

/// Flags of verbs that work on a source folder.
#[derive(Debug, Clone, Args)]
pub(crate) struct Source {
    /// The source folder
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Read the manifest from FILE [default: `coracle.yaml` in the source folder, if there is one]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Flags of verbs that build.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Lock {
    /// Fail if `coracle.lock` would change
    #[arg(long)]
    locked: bool,
}

/// Why a folder cannot be worked on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProjectError {
    /// It is not there, or no folder.
    #[error("cannot open the source folder")]
    Folder(#[source] io::Error),
    /// It is something else.
    #[error("`{}` is not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// The manifest cannot be read.
    #[error("cannot read the manifest")]
    Read(#[source] io::Error),
    /// The manifest makes no sense.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Images for this kind of processor cannot be built.
    #[error("no images can be built for `{0}`: only for amd64 and arm64")]
    Architecture(&'static str),
}

impl Failure for ProjectError {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Manifest(error) => error.hint(),
            Self::Folder(_) | Self::NotAFolder(_) => {
                Some("name the folder that holds the function's source".to_owned())
            }
            Self::Read(_) | Self::Architecture(_) => None,
        }
    }
}

impl Source {
    /// Answers what to build.
    pub(crate) fn request(&self, lock: Lock) -> Result<Request, ProjectError> {
        let folder = folder(&self.dir)?;
        let manifest = self.manifest(&folder)?;
        let locking = if lock.locked {
            Locking::Frozen
        } else {
            Locking::Update
        };
        Ok(Request {
            folder,
            manifest,
            target: target()?,
            locking,
        })
    }

    fn manifest(&self, folder: &Path) -> Result<Manifest, ProjectError> {
        let name = name_of_folder(&folder.file_name().unwrap_or_default().to_string_lossy());
        let path = self.file.clone().unwrap_or_else(|| folder.join(FILE_NAME));
        match fs_err::read_to_string(&path) {
            Ok(text) => Ok(Manifest::parse(&text, &path.to_string_lossy(), &name)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.file.is_none() => {
                Ok(Manifest::default_for(name))
            }
            Err(error) => Err(ProjectError::Read(error)),
        }
    }
}

fn folder(dir: &Path) -> Result<PathBuf, ProjectError> {
    let folder = fs_err::canonicalize(dir).map_err(ProjectError::Folder)?;
    if folder.is_dir() {
        Ok(folder)
    } else {
        Err(ProjectError::NotAFolder(dir.to_owned()))
    }
}

/// Answers this machine as a target.
fn target() -> Result<Target, ProjectError> {
    let arch = match std::env::consts::ARCH {
        "x86_64" => Arch::Amd64,
        "aarch64" => Arch::Arm64,
        other => return Err(ProjectError::Architecture(other)),
    };
    Ok(Target::native(arch))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(dir: &Path, file: Option<PathBuf>) -> Source {
        Source {
            dir: dir.to_owned(),
            file,
        }
    }

    #[test]
    fn a_folder_without_a_manifest_gives_its_function_its_name() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("My Boat");
        fs_err::create_dir(&folder).unwrap();
        let request = source(&folder, None).request(Lock::default()).unwrap();
        assert_eq!(request.manifest.name.as_str(), "my-boat");
    }

    #[test]
    fn the_manifest_is_the_folders_or_the_one_that_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join("coracle.yaml"), "name: usual\n").unwrap();
        let other = folder.path().join("other.yaml");
        fs_err::write(&other, "name: other\n").unwrap();
        for (file, name) in [(None, "usual"), (Some(other), "other")] {
            let request = source(folder.path(), file).request(Lock::default()).unwrap();
            assert_eq!(request.manifest.name.as_str(), name);
        }
    }

    #[test]
    fn a_folder_or_a_named_manifest_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let error = source(&missing, None).request(Lock::default()).unwrap_err();
        assert!(matches!(error, ProjectError::Folder(_)), "{error:?}");
        let error = source(folder.path(), Some(missing))
            .request(Lock::default())
            .unwrap_err();
        assert!(matches!(error, ProjectError::Read(_)), "{error:?}");
    }
}
