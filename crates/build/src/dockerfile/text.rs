//! A Dockerfile, its ignore file, and the folder that it copies from.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use coracle_content::Store;
use coracle_plan::dockerfile::{FILE_NAME, chosen};
use coracle_plan::patterns::Patterns;
use fs_err as fs;

use super::error::DockerfileBuildError;
use crate::error::BuildError;
use crate::files::{Root, resolve};
use crate::folder::{Folder, FolderError};
use crate::request::{DockerfileAt, Request};

/// What is added to a Dockerfile's name for the ignore file of its own.
pub(super) const OWN_IGNORE: &str = ".dockerignore";
/// The ignore file of a context.
const IGNORE: &str = ".dockerignore";
/// The most that either file may hold, in bytes.
const LARGEST: u64 = 16 << 20;

/// A Dockerfile with what belongs to it.
pub(super) struct Text {
    /// What messages call it.
    pub(super) name: String,
    pub(super) body: String,
    /// What of the context is left out.
    pub(super) ignore: Patterns,
    /// The ignore file that says so, by the name that it has beside a Dockerfile of the usual name.
    pub(super) ignore_file: Option<(String, String)>,
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
        let (name, body, path) = match file {
            DockerfileAt::Text(text) => (FILE_NAME.to_owned(), text, None),
            DockerfileAt::Path(path) => (path.display().to_string(), required(&context, &path)?, Some(path)),
            DockerfileAt::Usual => return Ok(None),
        };
        let (ignore, ignore_file) = ignore(&context, path.as_deref())?;
        Ok(Some(Self {
            name,
            body,
            ignore,
            ignore_file,
            context,
        }))
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

/// Answers what is left out of the context, and the ignore file that says so, if there is one, by its usual name.
fn ignore(
    context: &Path,
    dockerfile: Option<&Path>,
) -> Result<(Patterns, Option<(String, String)>), DockerfileBuildError> {
    let own = dockerfile.map(|path| {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(OWN_IGNORE);
        path.with_file_name(name)
    });
    let own = own.map(|path| (path, format!("{FILE_NAME}{OWN_IGNORE}")));
    for (path, name) in own
        .into_iter()
        .chain([(PathBuf::from(IGNORE), IGNORE.to_owned())])
    {
        if let Some(text) = optional(context, &path)? {
            let patterns = Patterns::of_ignore_file(&text)
                .map_err(|source| DockerfileBuildError::Ignore { path, source })?;
            return Ok((patterns, Some((name, text))));
        }
    }
    Ok((Patterns::default(), None))
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
