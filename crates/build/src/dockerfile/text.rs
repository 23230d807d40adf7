//! A Dockerfile, its ignore file, and the folder that it copies from.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use coracle_content::Store;
use coracle_plan::Wanted;
use coracle_plan::dockerfile::{FILE_NAME, chosen};
use coracle_plan::patterns::Patterns;
use fs_err as fs;

use super::error::DockerfileBuildError;
use crate::error::BuildError;
use crate::files::{Root, resolve};
use crate::folder::{Folder, FolderError};
use crate::request::{DockerfileAt, Request};
use crate::steps::image::PullError;

/// What is added to a Dockerfile's name for the ignore file of its own.
const OWN_IGNORE: &str = ".dockerignore";
/// The ignore file of a context.
const IGNORE: &str = ".dockerignore";
/// The most that either file may hold, in bytes.
const LARGEST: u64 = 16 << 20;

/// A Dockerfile with what belongs to it.
pub(super) struct Text {
    /// What messages call it.
    pub(super) name: String,
    pub(super) text: String,
    /// What of the context is left out.
    pub(super) ignore: Patterns,
    /// The folder that it copies from.
    pub(super) context: PathBuf,
}

impl Text {
    /// Reads the Dockerfile that a request means; nothing when it is not one of a Dockerfile.
    pub(super) fn read(store: &Store, request: &Request) -> Result<Option<Self>, BuildError> {
        let (context, file) = match &request.dockerfile.file {
            DockerfileAt::Usual => {
                let folder = Folder::open(store, &request.folder)?;
                let Some(choice) = chosen(&folder, &request.manifest)? else {
                    return Ok(None);
                };
                (choice.context, DockerfileAt::Path(choice.file.into()))
            }
            named => {
                let context = &request.manifest.build.context;
                (context.clone().unwrap_or_else(|| ".".to_owned()), named.clone())
            }
        };
        let context = beneath(&request.folder, &context)?;
        Ok(Some(match file {
            DockerfileAt::Text(text) => Self {
                name: FILE_NAME.to_owned(),
                text,
                ignore: ignore(&context, None)?,
                context,
            },
            DockerfileAt::Path(path) => Self {
                name: path.display().to_string(),
                text: required(&context, &path)?,
                ignore: ignore(&context, Some(&path))?,
                context,
            },
            DockerfileAt::Usual => return Ok(None),
        }))
    }
}

impl Text {
    /// Says that an image cannot be had, and on which line it is named. A name that variables make up is on none.
    pub(super) fn without_image(&self, wanted: &Wanted, source: PullError) -> DockerfileBuildError {
        let (familiar, whole) = (wanted.reference.familiar_name(), wanted.reference.to_string());
        let names = |line: &str| {
            let mut words = line.split([' ', '\t', '=', ',']);
            words.any(|word| word == familiar || word == whole || format!("{word}:latest") == familiar)
        };
        let line = self.text.lines().position(names);
        DockerfileBuildError::Image {
            place: line.map_or_else(String::new, |line| {
                format!("`{}`, line {}: ", self.name, line + 1)
            }),
            image: familiar,
            source,
        }
    }
}

/// Answers the context of the folder, which is in it.
fn beneath(folder: &Path, context: &str) -> Result<PathBuf, BuildError> {
    let folder = fs::canonicalize(folder).map_err(|_| FolderError::NotAFolder(folder.to_owned()))?;
    let path = folder.join(context);
    let real = fs::canonicalize(&path).map_err(|_| FolderError::NotAFolder(path.clone()))?;
    if !real.starts_with(&folder) {
        return Err(DockerfileBuildError::Outside(path).into());
    }
    Ok(real)
}

fn ignore(context: &Path, dockerfile: Option<&Path>) -> Result<Patterns, DockerfileBuildError> {
    let own = dockerfile.map(|path| {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(OWN_IGNORE);
        path.with_file_name(name)
    });
    for path in own.into_iter().chain([PathBuf::from(IGNORE)]) {
        if let Some(text) = optional(context, &path)? {
            return Patterns::of_ignore_file(&text)
                .map_err(|source| DockerfileBuildError::Ignore { path, source });
        }
    }
    Ok(Patterns::default())
}

fn required(context: &Path, path: &Path) -> Result<String, DockerfileBuildError> {
    optional(context, path)?.ok_or_else(|| DockerfileBuildError::Read {
        path: path.to_owned(),
        source: io::ErrorKind::NotFound.into(),
    })
}

/// Reads a file: a relative one beneath the context, whose links do not lead out of it; an absolute one from anywhere.
fn optional(context: &Path, path: &Path) -> Result<Option<String>, DockerfileBuildError> {
    let failed = |source| DockerfileBuildError::Read {
        path: path.to_owned(),
        source,
    };
    let opened = if path.is_absolute() {
        fs::File::open(path)
    } else {
        Root::open(context).and_then(|root| root.read(&resolve(&root, path)?))
    };
    let file = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed)?,
    };
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).map_err(failed)?;
    let text = String::from_utf8(bytes).map_err(|_| DockerfileBuildError::NotText(path.to_owned()))?;
    Ok(Some(text))
}
