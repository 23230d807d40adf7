//! A source folder as the user names it: where it is, and what its manifest says.

#[cfg(all(feature = "engine", target_os = "linux"))]
mod images;

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
#[cfg(all(feature = "engine", target_os = "linux"))]
use coracle_spec::manifest::Platform;
use coracle_spec::manifest::{FILE_NAME, ManifestError, name_of_folder};
use coracle_spec::{Class, Failure, FunctionName, Manifest};

/// Flags of verbs that work on a source folder.
#[derive(Debug, Clone, Args)]
pub(crate) struct Source {
    /// The source folder
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Read the manifest from FILE, or build FILE when it is a Dockerfile: its name ends in none of
    /// `.yaml`, `.yml` and `.json`; `-` is a Dockerfile on stdin [default: `coracle.yaml` in the source folder, if there is one]
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// What `--file` names: a manifest by its ending, else a Dockerfile.
enum Named<'a> {
    Nothing,
    Manifest(&'a Path),
    Dockerfile(&'a Path),
}

/// A source folder, and what its manifest says.
#[derive(Debug)]
pub(crate) struct Project {
    /// The folder, absolute and without links.
    pub(crate) folder: PathBuf,
    /// What the author says about it.
    pub(crate) manifest: Manifest,
    /// Whether it is an error if `coracle.lock` would change.
    pub(crate) locked: bool,
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
    /// The Dockerfile cannot be read.
    #[cfg(all(feature = "engine", target_os = "linux"))]
    #[error("cannot read the Dockerfile `{}`", path.display())]
    Dockerfile {
        /// Where it should be.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A secret of the manifest cannot be read.
    #[cfg(all(feature = "engine", target_os = "linux"))]
    #[error(transparent)]
    Secret(#[from] crate::dockerfile_flags::BuildSecretError),
    /// Images for this kind of processor cannot be built.
    #[cfg(all(feature = "engine", target_os = "linux"))]
    #[error("no images can be built for `{0}`: only for amd64 and arm64")]
    Architecture(&'static str),
    /// What is to run here has images for other machines only.
    #[cfg(all(feature = "engine", target_os = "linux"))]
    #[error(
        "this machine is `{own}`, and the function's images are for {} only",
        names(platforms)
    )]
    NotForThisMachine {
        /// This machine.
        own: Platform,
        /// What the manifest says.
        platforms: Vec<Platform>,
    },
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
            #[cfg(all(feature = "engine", target_os = "linux"))]
            Self::NotForThisMachine { own, .. } => Some(format!(
                "add `{own}` to `build.platforms`; `coracle build` makes the images that are there"
            )),
            Self::Read(_) => None,
            #[cfg(all(feature = "engine", target_os = "linux"))]
            Self::Architecture(_) | Self::Dockerfile { .. } | Self::Secret(_) => None,
        }
    }
}

#[cfg(all(feature = "engine", target_os = "linux"))]
fn names(platforms: &[Platform]) -> String {
    let quoted: Vec<_> = platforms.iter().map(|platform| format!("`{platform}`")).collect();
    quoted.join(", ")
}

impl Source {
    /// Makes the one of a folder, and of a file that is named.
    #[cfg(all(feature = "engine", target_os = "linux"))]
    pub(crate) fn new(dir: PathBuf, file: Option<PathBuf>) -> Self {
        Self { dir, file }
    }

    /// Answers the folder and what its manifest says.
    pub(crate) fn project(&self, lock: Lock) -> Result<Project, ProjectError> {
        let folder = folder(&self.dir)?;
        let manifest = self.manifest(&folder)?;
        Ok(Project {
            folder,
            manifest,
            locked: lock.locked,
        })
    }

    /// Answers the manifest's file, if one is named.
    pub(crate) fn manifest_file(&self) -> Option<&Path> {
        match self.named() {
            Named::Manifest(file) => Some(file),
            Named::Nothing | Named::Dockerfile(_) => None,
        }
    }

    /// Answers the Dockerfile, if one is named.
    pub(crate) fn dockerfile(&self) -> Option<&Path> {
        match self.named() {
            Named::Dockerfile(file) => Some(file),
            Named::Nothing | Named::Manifest(_) => None,
        }
    }

    fn named(&self) -> Named<'_> {
        let Some(file) = self.file.as_deref() else {
            return Named::Nothing;
        };
        let ending = file.extension().unwrap_or_default();
        if ["yaml", "yml", "json"].iter().any(|manifest| ending == *manifest) {
            Named::Manifest(file)
        } else {
            Named::Dockerfile(file)
        }
    }

    fn manifest(&self, folder: &Path) -> Result<Manifest, ProjectError> {
        let name = name_of(folder);
        let named = self.manifest_file();
        let path = named.map_or_else(|| folder.join(FILE_NAME), Path::to_owned);
        match fs_err::read_to_string(&path) {
            Ok(text) => Ok(Manifest::parse(&text, &path.to_string_lossy(), &name)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => {
                Ok(Manifest::default_for(name))
            }
            Err(error) => Err(ProjectError::Read(error)),
        }
    }
}

fn name_of(folder: &Path) -> FunctionName {
    name_of_folder(&folder.file_name().unwrap_or_default().to_string_lossy())
}

fn folder(dir: &Path) -> Result<PathBuf, ProjectError> {
    let folder = fs_err::canonicalize(dir).map_err(ProjectError::Folder)?;
    if folder.is_dir() {
        Ok(folder)
    } else {
        Err(ProjectError::NotAFolder(dir.to_owned()))
    }
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
        let project = source(&folder, None).project(Lock::default()).unwrap();
        assert_eq!(project.manifest.name.as_str(), "my-boat");
    }

    #[test]
    fn the_manifest_is_the_folders_or_the_one_that_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join("coracle.yaml"), "name: usual\n").unwrap();
        let other = folder.path().join("other.yaml");
        fs_err::write(&other, "name: other\n").unwrap();
        for (file, name) in [(None, "usual"), (Some(other), "other")] {
            let project = source(folder.path(), file).project(Lock::default()).unwrap();
            assert_eq!(project.manifest.name.as_str(), name);
        }
    }

    #[test]
    fn a_folder_or_a_named_manifest_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let error = source(&missing, None).project(Lock::default()).unwrap_err();
        assert!(matches!(error, ProjectError::Folder(_)), "{error:?}");
        let error = source(folder.path(), Some(missing.with_extension("yaml")))
            .project(Lock::default())
            .unwrap_err();
        assert!(matches!(error, ProjectError::Read(_)), "{error:?}");
    }
}
