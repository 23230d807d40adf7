//! `coracle deploy`: build here, send what the server lacks, and make a revision.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use coracle_api::Client;
use coracle_api::types::{DeployRequest, Deployed};
use coracle_build::{Built, Request};
use coracle_content::Store;
use coracle_oci::Image;
use coracle_spec::{Digest, FunctionId};

use crate::args::{Remote, Reporting};
use crate::assignments::EnvFlags;
use crate::building;
use crate::context::Context;
use crate::engine::Engine;
use crate::error::Error;
use crate::housekeeping;
use crate::progress::time;
use crate::project::{Lock, Source};
use crate::{remote_build, upload};

/// Build a folder and run it on the server
///
/// The new revision starts and answers its probe before it gets any traffic. If it does not, whatever served before goes on
/// serving.
#[derive(Debug, Args)]
pub(crate) struct Deploy {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    lock: Lock,
    /// Build on the server: the source is sent, and nothing is needed here but this program
    #[arg(long = "remote")]
    on_server: bool,
    /// Build nothing: deploy the image of this digest, which the server has
    #[arg(long, value_name = "DIGEST", conflicts_with = "on_server")]
    image: Option<Digest>,
    #[command(flatten)]
    env: EnvFlags,
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    reporting: Reporting,
}

impl Deploy {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        let mut request = self.source.request(self.lock)?;
        self.env.add_to(&mut request.manifest.revision.env)?;
        let client = context.client(&self.remote)?;
        // Before a build that may take minutes.
        client.server().await?;
        let (image, here) = self.image(&request, &client, context).await?;
        let function = FunctionId {
            namespace: request.manifest.namespace,
            name: request.manifest.name,
        };
        let deploy = DeployRequest {
            image,
            reference: None,
            config: request.manifest.revision,
        };
        let deployed = client.deploy(&function, &deploy).await?;
        self.report(&deployed, context)?;
        if let Some(BuiltHere { store, built }) = here {
            housekeeping::after_build(context, &store, &built).await;
        }
        Ok(())
    }

    /// Answers the image, which is on the server by then, and what was built here for it.
    async fn image(
        &self,
        request: &Request,
        client: &Client,
        context: &Context,
    ) -> Result<(Digest, Option<BuiltHere>), Error> {
        if let Some(image) = self.image {
            return Ok((image, None));
        }
        if self.on_server {
            let manifest = self.source.manifest_file();
            let building = remote_build::build(client, request, manifest, context.printer);
            return Ok((Box::pin(building).await?, None));
        }
        let here = Box::pin(build_here(request, context)).await?;
        send(&here.built.image, &here.store, client).await?;
        Ok((here.built.image.manifest, Some(here)))
    }

    fn report(&self, deployed: &Deployed, context: &Context) -> Result<(), Error> {
        if self.reporting.json {
            return Ok(context.printer.json(deployed)?);
        }
        context.printer.say(summary(deployed));
        Ok(context.printer.line(&deployed.url)?)
    }
}

/// What was built here, and where it is.
struct BuiltHere {
    store: Store,
    built: Built,
}

async fn build_here(request: &Request, context: &Context) -> Result<BuiltHere, Error> {
    let engine = Engine::open(context)?;
    let built = building::build(&engine, request, context.printer).await;
    let store = engine.store.clone();
    engine.close().await;
    Ok(BuiltHere { store, built: built? })
}

/// Says which revision serves now.
pub(super) fn summary(deployed: &Deployed) -> String {
    let ready = time(Duration::from_millis(deployed.ready_ms));
    let before = match deployed.replaced {
        Some(revision) => format!(", in place of revision {revision}"),
        None => String::new(),
    };
    format!(
        "`{}` revision {} serves after {ready}{before}",
        deployed.function, deployed.revision
    )
}

/// Sends the blobs that the server lacks; the manifest last, so that it never names what is not there.
async fn send(image: &Image, store: &Store, client: &Client) -> Result<(), Error> {
    let parts: BTreeSet<Digest> = image
        .layers
        .iter()
        .map(|layer| layer.digest)
        .chain([image.config])
        .collect();
    for digest in parts.into_iter().chain([image.manifest]) {
        if !client.has_blob(&digest).await? {
            let blob = store.existing_blob(&digest)?;
            let body = upload::body_of(blob.open()?.into());
            client.put_blob(&digest, blob.size, body).await?;
        }
    }
    Ok(())
}
