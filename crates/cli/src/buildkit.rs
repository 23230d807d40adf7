//! Builds that a BuildKit does for us, shown like our own.

use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use clap::{Args, ValueEnum};
use coracle_build::{DockerfileAt, Folder, FolderError, Request, SecretValue};
use coracle_buildkit::{BuildKit, Login, Logins, Place, Solve, SolveError, Solved};
use coracle_content::{Scratch, Store, StoreError};
use coracle_distribution::{Credential, Credentials};
use coracle_plan::PlanError;
use coracle_plan::dockerfile::{FILE_NAME, chosen};
use coracle_spec::{Class, Failure};
use coracle_tasks::Tasks;

use crate::building::watched;
use crate::context::Context;
use crate::error::Error;
use crate::settings::BuildKitFlags;

/// Who builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    /// Coracle itself
    Native,
    /// A BuildKit that runs somewhere, from a Dockerfile
    Buildkit,
}

/// Flags that say who builds.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "BuildKit")]
pub(crate) struct Who {
    /// Who builds: `native` is Coracle itself, `buildkit` a BuildKit that runs somewhere, from a Dockerfile [default: native]
    #[arg(long, value_name = "WHO", hide_possible_values = true)]
    engine: Option<Engine>,
    #[command(flatten)]
    place: BuildKitFlags,
}

impl Who {
    /// Answers where the BuildKit is that builds; `None` if Coracle does.
    pub(crate) fn place(&self, context: &Context) -> Result<Option<Place>, Error> {
        match (self.engine, self.place.are_given()) {
            (Some(Engine::Native), true) => Err(Contradiction.into()),
            (Some(Engine::Native) | None, false) => Ok(None),
            (Some(Engine::Buildkit), _) | (None, true) => {
                Ok(Some(context.settings.buildkits.place(&self.place)?))
            }
        }
    }
}

/// The flags say two things.
#[derive(Debug, thiserror::Error)]
#[error("`--engine native` builds without BuildKit, and other flags say where one is")]
struct Contradiction;

impl Failure for Contradiction {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        Some("leave one of them out".to_owned())
    }
}

/// Why a folder cannot be built by a BuildKit.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotForBuildKit {
    /// It has no Dockerfile.
    #[error("`{}` is built without a Dockerfile, and BuildKit builds from Dockerfiles only", .0.display())]
    NoDockerfile(PathBuf),
    /// The folder cannot be read.
    #[error("cannot read the source")]
    Folder(#[from] FolderError),
    /// It cannot be told what the folder is built from.
    #[error("cannot tell what to build")]
    Plan(#[from] PlanError),
    /// The Dockerfile's text cannot be kept for the build.
    #[error("cannot keep the Dockerfile for the build")]
    Text(#[source] std::io::Error),
    /// The store refused.
    #[error("cannot use the content store")]
    Store(#[from] StoreError),
}

impl Failure for NotForBuildKit {
    fn class(&self) -> Class {
        match self {
            Self::NoDockerfile(_) => Class::User,
            Self::Folder(error) => error.class(),
            Self::Plan(error) => error.class(),
            Self::Text(_) => Class::Internal,
            Self::Store(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoDockerfile(_) => {
                Some("leave `--engine buildkit` out: Coracle builds it itself".to_owned())
            }
            Self::Folder(error) => error.hint(),
            Self::Plan(error) => error.hint(),
            Self::Text(_) => None,
            Self::Store(error) => error.hint(),
        }
    }
}

/// Builds at `place`, and shows how it goes. Ctrl-C ends the build there, too.
pub(crate) async fn build(
    context: &Context,
    store: &Store,
    request: &Request,
    place: Place,
) -> Result<Solved, Error> {
    let (solve, _text) = solve(store, request)?;
    let settings = &context.settings;
    let logins = Arc::new(Known(settings.registries.client(&settings.outside).credentials));
    let tasks = Tasks::new();
    let buildkit = BuildKit::new(place, store.clone(), logins, tasks);
    let building = watched(context.printer, async |observer, cancel| {
        buildkit.solve(&solve, observer, cancel).await
    });
    Box::pin(building).await?.map_err(|error| failed(context, error))
}

/// Shows what the failing step printed last, above the error itself, unless it was shown line by line.
fn failed(context: &Context, error: SolveError) -> Error {
    let printer = context.printer;
    let shown = !printer.is_live() && !printer.is_quiet();
    if let Some(log) = error.log().filter(|_| !shown) {
        printer.insist(log.to_string().trim_end());
    }
    error.into()
}

/// Answers what BuildKit is told, and what holds the Dockerfile until it was read, if that is a text only.
fn solve(store: &Store, request: &Request) -> Result<(Solve, Option<Scratch>), NotForBuildKit> {
    let (context, file) = source(store, request)?;
    let (dockerfile, text) = match file {
        DockerfileAt::Text(text) => {
            let scratch = store.scratch()?;
            let path = scratch.path().join(FILE_NAME);
            fs_err::write(&path, text).map_err(NotForBuildKit::Text)?;
            (path, Some(scratch))
        }
        DockerfileAt::Path(path) => (context.join(path), None),
        DockerfileAt::Usual => (context.join(FILE_NAME), None),
    };
    let (options, manifest) = (&request.dockerfile, &request.manifest.build);
    let targets = std::iter::once(&request.target).chain(&request.others);
    let solve = Solve {
        context,
        dockerfile,
        target: options.stage.clone().or_else(|| manifest.target.clone()),
        args: request.args(),
        secrets: options.secrets.clone(),
        labels: request.labels(),
        platforms: targets.map(|target| target.arch.platform()).collect(),
        reuse: options.reuse,
        pull: options.pull,
        network: options.network,
    };
    Ok((solve, text))
}

/// Answers the folder that the Dockerfile copies from, and where the Dockerfile is.
fn source(store: &Store, request: &Request) -> Result<(PathBuf, DockerfileAt), NotForBuildKit> {
    let beneath = |context: &str| match context {
        "." => request.folder.clone(),
        context => request.folder.join(context),
    };
    if request.dockerfile.file != DockerfileAt::Usual {
        let context = request.manifest.build.context.as_deref().unwrap_or(".");
        return Ok((beneath(context), request.dockerfile.file.clone()));
    }
    let folder = Folder::open(store, &request.folder)?;
    match chosen(&folder, &request.manifest)? {
        Some(choice) => Ok((beneath(&choice.context), DockerfileAt::Path(choice.file.into()))),
        None => Err(NotForBuildKit::NoDockerfile(shown(&request.folder))),
    }
}

fn shown(folder: &Path) -> PathBuf {
    folder
        .file_name()
        .map_or_else(|| folder.to_owned(), PathBuf::from)
}

/// Who the user is at registries, for BuildKit.
struct Known(Arc<dyn Credentials>);

#[async_trait]
impl Logins for Known {
    async fn login(&self, registry: &str) -> Result<Option<Login>, Box<dyn StdError + Send + Sync>> {
        let login = |user: String, secret: &str| {
            Some(Login {
                user,
                secret: SecretValue::new(secret),
            })
        };
        Ok(match self.0.for_host(registry).await? {
            Some(Credential::Basic { user, password }) => login(user, password.expose()),
            Some(Credential::Identity(token)) => login(String::new(), token.expose()),
            // BuildKit has no place for a token that the registry itself takes.
            Some(Credential::Bearer(_)) | None => None,
        })
    }
}
