//! A source folder as the user names it: where it is, and what its manifest says.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use coracle_build::{Locking, Request};
use coracle_plan::{Arch, Target};
use coracle_spec::manifest::{FILE_NAME, ManifestError, Platform, name_of_folder};
use coracle_spec::{Class, Failure, FunctionId, FunctionName, Manifest};

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
    /// What is to run here has images for other machines only.
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
            Self::NotForThisMachine { own, .. } => Some(format!(
                "add `{own}` to `build.platforms`; `coracle build` makes the images that are there"
            )),
            Self::Read(_) | Self::Architecture(_) => None,
        }
    }
}

fn names(platforms: &[Platform]) -> String {
    let quoted: Vec<_> = platforms.iter().map(|platform| format!("`{platform}`")).collect();
    quoted.join(", ")
}

impl Source {
    /// Answers what to build in order to run it on this machine: of the manifest's platforms, this machine's own.
    pub(crate) fn request(&self, lock: Lock) -> Result<Request, ProjectError> {
        let request = self.images(lock, &[])?;
        if request.target.is_foreign() {
            return Err(ProjectError::NotForThisMachine {
                own: request.target.host.platform(),
                platforms: request.manifest.build.platforms,
            });
        }
        Ok(Request {
            others: Vec::new(),
            ..request
        })
    }

    /// Answers what to build in order to have its images: for `platforms`, else for those that the manifest names,
    /// else for this machine's. This machine's own comes first.
    pub(crate) fn images(&self, lock: Lock, platforms: &[Platform]) -> Result<Request, ProjectError> {
        let folder = folder(&self.dir)?;
        let manifest = self.manifest(&folder)?;
        let locking = if lock.locked {
            Locking::Frozen
        } else {
            Locking::Update
        };
        let platforms = match platforms {
            [] => &manifest.build.platforms,
            given => given,
        };
        let (target, others) = targets(host()?, platforms);
        Ok(Request {
            folder,
            manifest,
            target,
            others,
            locking,
        })
    }

    /// Answers the folder, absolute and without links.
    pub(crate) fn folder(&self) -> Result<PathBuf, ProjectError> {
        folder(&self.dir)
    }

    /// Answers the manifest's file, if one is named.
    pub(crate) fn manifest_file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Answers which function the folder is: as its manifest says, if that can be read, else by the folder's own name.
    pub(crate) fn function(&self, folder: &Path) -> FunctionId {
        let manifest = self
            .manifest(folder)
            .unwrap_or_else(|_| Manifest::default_for(name_of(folder)));
        FunctionId {
            namespace: manifest.namespace,
            name: manifest.name,
        }
    }

    fn manifest(&self, folder: &Path) -> Result<Manifest, ProjectError> {
        let name = name_of(folder);
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

/// Answers this machine's processors.
fn host() -> Result<Arch, ProjectError> {
    match std::env::consts::ARCH {
        "x86_64" => Ok(Arch::Amd64),
        "aarch64" => Ok(Arch::Arm64),
        other => Err(ProjectError::Architecture(other)),
    }
}

/// Answers what images for `platforms` are for, each once, this machine's first; its own if there is none.
fn targets(host: Arch, platforms: &[Platform]) -> (Target, Vec<Target>) {
    let mut sorted: Vec<Target> = platforms
        .iter()
        .map(|platform| Target {
            arch: (*platform).into(),
            host,
        })
        .collect();
    sorted.sort_by_key(|target| (target.is_foreign(), target.arch.name()));
    sorted.dedup();
    let mut sorted = sorted.into_iter();
    (sorted.next().unwrap_or(Target::native(host)), sorted.collect())
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

    #[test]
    fn images_are_for_this_machine_first_and_for_each_platform_once() {
        use Platform::{LinuxAmd64, LinuxArm64};
        let target = |arch| Target {
            arch,
            host: Arch::Arm64,
        };
        let (own, foreign) = (target(Arch::Arm64), target(Arch::Amd64));
        for (platforms, expected) in [
            (vec![], (own, vec![])),
            (vec![LinuxAmd64, LinuxArm64, LinuxAmd64], (own, vec![foreign])),
            (vec![LinuxAmd64], (foreign, vec![])),
        ] {
            assert_eq!(targets(Arch::Arm64, &platforms), expected, "{platforms:?}");
        }
    }

    #[test]
    fn what_runs_here_is_built_for_here_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("coracle.yaml");
        fs_err::write(&manifest, "build: {platforms: [linux/amd64, linux/arm64]}\n").unwrap();
        let here = source(folder.path(), None);
        let request = here.request(Lock::default()).unwrap();
        assert!(!request.target.is_foreign() && request.others.is_empty());
        assert_eq!(here.images(Lock::default(), &[]).unwrap().others.len(), 1);
        let own = host().unwrap().platform();
        let [foreign] = Platform::ALL
            .map(|one| (one != own).then_some(one))
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()[..]
        else {
            panic!("there are two platforms")
        };
        fs_err::write(&manifest, format!("build: {{platforms: [{foreign}]}}\n")).unwrap();
        let error = here.request(Lock::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("this machine is `{own}`, and the function's images are for `{foreign}` only")
        );
        assert!(error.hint().unwrap().contains("build.platforms"));
        assert!(here.images(Lock::default(), &[]).unwrap().target.is_foreign());
    }
}
