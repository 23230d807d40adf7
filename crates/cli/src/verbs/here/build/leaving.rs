//! Where an image goes that was built: files, a Docker Engine, registries.

use clap::Args;
use coracle_content::Store;
use coracle_spec::{Digest, ImageRef};
use serde::Serialize;

use super::images::Images;
use super::report::OutputReport;
use crate::context::Context;
use crate::destination::{Destination, Layering};
use crate::error::Error;
use crate::registries;

/// Where an image goes that was built.
#[derive(Debug, Args)]
pub(super) struct Leaving {
    /// Write the image to `oci:DIR`, `oci-archive:FILE` or `docker-archive:FILE`, or load it into a Docker Engine: `docker`
    #[arg(long, short, value_name = "WHERE")]
    output: Vec<Destination>,
    /// Push the image under each of its tags
    #[arg(long, requires = "tag")]
    push: bool,
    /// How layers are compressed that leave
    #[arg(long, value_name = "HOW", default_value = "gzip")]
    compression: Layering,
}

/// Where an image went.
#[derive(Debug, Serialize)]
pub(super) struct Sent {
    outputs: Vec<OutputReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pushed: Vec<PushReport>,
}

/// What was pushed somewhere.
#[derive(Debug, Serialize)]
pub(super) struct PushReport {
    name: String,
    digest: Digest,
}

impl Leaving {
    /// Writes and pushes the images to where they are to go.
    pub(super) async fn send(
        &self,
        context: &Context,
        store: &Store,
        images: &Images,
        names: &[ImageRef],
    ) -> Result<Sent, Error> {
        Ok(Sent {
            outputs: self.write(context, store, images, names).await?,
            pushed: self.push(context, store, images.digest(), names).await?,
        })
    }

    async fn write(
        &self,
        context: &Context,
        store: &Store,
        images: &Images,
        names: &[ImageRef],
    ) -> Result<Vec<OutputReport>, Error> {
        let mut reports = Vec::new();
        for output in &self.output {
            let written = (images, self.compression);
            let written = output.write(context, store, written, names).await?;
            reports.push(OutputReport::of(output.to_string(), &written));
        }
        Ok(reports)
    }

    async fn push(
        &self,
        context: &Context,
        store: &Store,
        digest: Digest,
        names: &[ImageRef],
    ) -> Result<Vec<PushReport>, Error> {
        let client = registries::client(context, store).pushing(self.compression.layers());
        let mut reports = Vec::new();
        for name in names.iter().filter(|_| self.push) {
            let pushed = registries::work(context, "pushing", async |transfers, cancel| {
                client.push(digest, name, transfers, cancel).await
            })
            .await?;
            context.printer.say(format_args!("pushed {name}"));
            reports.push(PushReport {
                name: name.to_string(),
                digest: pushed.digest,
            });
        }
        Ok(reports)
    }
}
