//! What to build of a source folder on this machine.

use std::path::{Path, PathBuf};

use coracle_build::{DockerfileAt, DockerfileOptions, Locking, Request};
use coracle_plan::{Arch, Target};
use coracle_spec::manifest::Platform;
use coracle_spec::{FunctionId, Manifest};

use crate::dockerfile_flags;

use super::{Lock, Project, ProjectError, Source, folder, name_of};

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
        let Project {
            folder,
            manifest,
            locked,
        } = self.project(lock)?;
        let secrets = dockerfile_flags::of_manifest(&manifest.build.secrets, &folder)?;
        let locking = if locked { Locking::Frozen } else { Locking::Update };
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
            dockerfile: DockerfileOptions {
                file: self.dockerfile_at()?,
                secrets,
                ..DockerfileOptions::default()
            },
            tenant: None,
        })
    }

    /// Answers where the Dockerfile is: a named one is where the command's user means.
    fn dockerfile_at(&self) -> Result<DockerfileAt, ProjectError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| ProjectError::Dockerfile { path, source }
        };
        match self.dockerfile() {
            None => Ok(DockerfileAt::Usual),
            Some(path) if path == Path::new("-") => {
                let text = std::io::read_to_string(std::io::stdin()).map_err(failed(path))?;
                Ok(DockerfileAt::Text(text))
            }
            Some(path) => Ok(DockerfileAt::Path(
                fs_err::canonicalize(path)
                    .or_else(|_| fs_err::canonicalize(self.dir.join(path)))
                    .map_err(failed(path))?,
            )),
        }
    }

    /// Answers the folder, absolute and without links.
    pub(crate) fn folder(&self) -> Result<PathBuf, ProjectError> {
        folder(&self.dir)
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
    use coracle_spec::Failure as _;

    use super::*;

    fn source(dir: &Path, file: Option<PathBuf>) -> Source {
        Source {
            dir: dir.to_owned(),
            file,
        }
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
