//! `coracle image push`.

use clap::Args;
use coracle_distribution::Pushed;
use coracle_spec::manifest::Platform;
use coracle_spec::{Class, Digest, Failure, ImageRef};
use serde::Serialize;

use crate::args::Reporting;
use crate::context::Context;
use crate::destination::Layering;
use crate::engine::open_store;
use crate::error::Error;
use crate::registries;
use crate::stored::Which;

/// Push an image to a registry
#[derive(Debug, Args)]
pub(super) struct Push {
    /// Its name here, or the digest of its manifest
    image: Which,
    /// What it is called in the registry [default: its name here]
    to: Option<ImageRef>,
    /// Push the image for this platform only
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<Platform>,
    /// How layers are compressed
    #[arg(long, value_name = "HOW", default_value = "gzip")]
    compression: Layering,
    #[command(flatten)]
    reporting: Reporting,
}

/// An image that has no name here needs one in the registry.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no name to push to")]
struct Nowhere(String);

impl Failure for Nowhere {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        Some(format!("say where to: `coracle image push {} NAME`", self.0))
    }
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    name: String,
    digest: Digest,
    blobs: coracle_distribution::Blobs,
}

impl Push {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        let store = open_store(&context.settings)?.held()?;
        let to = self.to.as_ref().or(self.image.name());
        let to = to.ok_or_else(|| Nowhere(self.image.to_string()))?;
        let stored = self.image.find(&store)?.only(&self.image, self.platform)?;
        let client = registries::client(context, &store).pushing(self.compression.layers());
        let pushed = registries::work(context, "pushing", async |transfers, cancel| {
            client.push(stored.digest, to, transfers, cancel).await
        })
        .await?;
        self.report(context, to, &pushed)
    }

    fn report(&self, context: &Context, to: &ImageRef, pushed: &Pushed) -> Result<(), Error> {
        if self.reporting.json {
            return Ok(context.printer.json(&Report {
                name: to.to_string(),
                digest: pushed.digest,
                blobs: pushed.blobs,
            })?);
        }
        context.printer.say(format_args!("pushed {to}"));
        Ok(context.printer.line(pushed.digest)?)
    }
}
