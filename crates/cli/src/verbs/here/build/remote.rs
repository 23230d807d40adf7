//! A build elsewhere: the context is sent to a server that speaks the Function Builder API, and its log is shown here.

mod archive;

use std::io;
use std::path::PathBuf;

use clap::Args;
use coracle_api::client::{ContextBuildEvents, Endpoint};
use coracle_api::types::ContextBuildStatus;
use coracle_api::{Client, ClientError, Credentials};
use coracle_build::Request;
use coracle_spec::manifest::Platform;
use coracle_spec::{Class, Failure, ImageRef};
use fs_err as fs;
use serde::Serialize;

use self::archive::{Config, pack, signature};
use crate::builder_flags;
use crate::context::Context;
use crate::error::Error;
use crate::interrupt::{Interrupt, Interrupted};
use crate::printer::Printer;
use crate::selection::selection;
use crate::upload;

/// Where a build is elsewhere.
#[derive(Debug, Default, Args)]
pub(super) struct Remote {
    /// Build there: a server that speaks the Function Builder API, which pushes the image where `--tag` says
    #[arg(
        help_heading = "Elsewhere",
        long = "remote",
        value_name = "URL",
        requires = "tag",
        conflicts_with_all = [
            "secret", "push", "output", "compression", "locked", "target", "label", "no_cache", "pull", "engine", "buildkit"
        ]
    )]
    url: Option<Endpoint>,
    /// The file with the secret that the server knows us by [default: `CORACLE_PAYLOAD_SECRET`]
    #[arg(help_heading = "Elsewhere", long, value_name = "FILE", requires = "url")]
    payload_secret: Option<PathBuf>,
}

/// What is built elsewhere.
pub(super) struct Wanted<'a> {
    pub(super) request: &'a Request,
    pub(super) images: &'a [ImageRef],
    pub(super) platforms: &'a [Platform],
}

/// What a build elsewhere came to.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The image's name.
    pub(super) image: String,
}

/// Why nothing is built elsewhere.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoteError {
    /// Nobody knows us.
    #[error("a build elsewhere needs a payload secret")]
    NoSecret,
    /// The secret cannot be read.
    #[error("cannot read the payload secret")]
    Secret(#[source] io::Error),
    /// No server is there.
    #[error(transparent)]
    Unreachable(ClientError),
    /// What is there is no server of this kind.
    #[error("`{endpoint}` takes no builds")]
    NoBuilder {
        /// Where it is.
        endpoint: Box<Endpoint>,
        /// What it answered.
        source: ClientError,
    },
    /// The server has as many builds as it takes.
    #[error("the server is busy")]
    Busy(#[source] ClientError),
    /// The server knows us by another secret.
    #[error("the server does not take the payload secret")]
    WrongSecret(#[source] ClientError),
    /// Each build has one image.
    #[error("a build elsewhere makes one image, and `--tag` names {0}")]
    Tags(usize),
    /// The manifest says what no server can be told.
    #[error("a build elsewhere cannot be told the manifest's `{0}`")]
    Untold(&'static str),
    /// The context cannot be packed.
    #[error("cannot pack the build context")]
    Pack(#[from] io::Error),
    /// The build failed there.
    #[error("the build failed on the server")]
    Failed(#[source] Reason),
    /// The stream ended before the build did.
    #[error("the server broke the build off")]
    CutOff,
}

/// What the server says about a failure.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Reason(String);

impl Reason {
    /// Makes one of what the server says, without what we say ourselves.
    fn of(error: Option<String>) -> Self {
        let text = error.unwrap_or_else(|| "it does not say why".to_owned());
        let reason = text.strip_prefix("the build failed: ");
        Self(reason.unwrap_or(&text).to_owned())
    }
}

impl Failure for RemoteError {
    fn class(&self) -> Class {
        match self {
            Self::CutOff => Class::Unavailable,
            Self::Unreachable(error) | Self::Busy(error) | Self::WrongSecret(error) => error.class(),
            _ => Class::User,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoSecret | Self::WrongSecret(_) => Some(
                "name the file of the server's secret with `--payload-secret FILE`; unless it was given one, it wrote \
                 `auth/payload-secret` in its data directory"
                    .to_owned(),
            ),
            Self::Unreachable(_) | Self::NoBuilder { .. } => Some(
                "name a server that speaks the Function Builder API with `--remote`; `coracle serve` starts one"
                    .to_owned(),
            ),
            Self::Busy(_) => Some("try again in a while".to_owned()),
            Self::Untold(_) => Some("leave it out, or build without `--remote`".to_owned()),
            _ => None,
        }
    }
}

impl Remote {
    /// Answers the server, if the build is elsewhere.
    pub(super) fn url(&self) -> Option<&Endpoint> {
        self.url.as_ref()
    }

    /// Builds there, and answers the image's name. Ctrl-C ends the build.
    pub(super) async fn build(
        &self,
        context: &Context,
        endpoint: &Endpoint,
        wanted: &Wanted<'_>,
    ) -> Result<String, Error> {
        let secret = self.secret(context)?;
        let mut body = wanted.pack(context)?;
        let signature = signature(&secret, &mut body).map_err(RemoteError::from)?;
        let size = body.metadata().map_err(RemoteError::from)?.len();
        let client = Client::new(endpoint.clone(), Credentials::None).trusting(context.settings.trust());
        let mut interrupt = Interrupt::listen()?;
        let building = async {
            let body = upload::body_of(body);
            let events = client.build_context(&signature, size, body).await;
            follow(events.map_err(|error| refused(endpoint, error))?, context.printer).await
        };
        tokio::select! {
            result = building => result,
            () = interrupt.next() => Err(Interrupted.into()),
        }
    }

    fn secret(&self, context: &Context) -> Result<String, Error> {
        let set = context.settings.builder.payload_secret.as_deref();
        let file = match &self.payload_secret {
            Some(file) => Some(file.clone()),
            None => builder_flags::first_file(set)?,
        };
        let file = file.ok_or(RemoteError::NoSecret)?;
        Ok(fs::read_to_string(file).map_err(RemoteError::Secret)?)
    }
}

impl Wanted<'_> {
    fn pack(&self, context: &Context) -> Result<std::fs::File, Error> {
        let build = &self.request.manifest.build;
        if build.target.is_some() {
            return Err(RemoteError::Untold("build.target").into());
        }
        if !build.secrets.is_empty() {
            return Err(RemoteError::Untold("build.secrets").into());
        }
        let [image] = self.images else {
            return Err(RemoteError::Tags(self.images.len()).into());
        };
        let args = self.request.args();
        let platforms = if self.platforms.is_empty() {
            &build.platforms
        } else {
            self.platforms
        };
        let config = Config::new(image.to_string(), &args, platforms);
        let selection = selection(context, self.request)?;
        Ok(pack(&selection, &config).map_err(RemoteError::from)?)
    }
}

fn refused(endpoint: &Endpoint, error: ClientError) -> Error {
    match error {
        ClientError::Connect { .. } => RemoteError::Unreachable(error).into(),
        ClientError::Refused { status: 401, .. } => RemoteError::WrongSecret(error).into(),
        ClientError::Refused { status: 429, .. } => RemoteError::Busy(error).into(),
        // Whoever takes builds says in JSON why not.
        ClientError::Status { status: 300..500 } => RemoteError::NoBuilder {
            endpoint: Box::new(endpoint.clone()),
            source: error,
        }
        .into(),
        error => error.into(),
    }
}

/// Shows the log until the build is over.
async fn follow(mut events: ContextBuildEvents, printer: Printer) -> Result<String, Error> {
    while let Some(event) = events.next().await? {
        for line in event.log.unwrap_or_default() {
            printer.say(line);
        }
        match event.status {
            ContextBuildStatus::InProgress => {}
            ContextBuildStatus::Success => return Ok(event.image),
            ContextBuildStatus::Failed => {
                return Err(RemoteError::Failed(Reason::of(event.error)).into());
            }
        }
    }
    Err(RemoteError::CutOff.into())
}
