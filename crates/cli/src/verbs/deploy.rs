//! `coracle deploy`: build here, send what the server lacks, and make a revision.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use coracle_api::types::{DeployRequest, Deployed};
use coracle_api::{Client, client::RequestBody};
use coracle_content::{Blob, Store};
use coracle_oci::Image;
use coracle_spec::{Digest, FunctionId};
use futures::TryStreamExt;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio_util::io::ReaderStream;

use crate::args::{Remote, Reporting};
use crate::assignments::EnvFlags;
use crate::building;
use crate::context::Context;
use crate::engine::Engine;
use crate::error::Error;
use crate::housekeeping;
use crate::progress::time;
use crate::project::{Lock, Source};

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
        let engine = Engine::open(context)?;
        let built = building::build(&engine, &request, context.printer).await;
        let store = engine.store.clone();
        engine.close().await;
        let built = built?;
        send(&built.image, &store, &client).await?;
        let function = FunctionId {
            namespace: request.manifest.namespace,
            name: request.manifest.name,
        };
        let deploy = DeployRequest {
            image: built.image.manifest,
            reference: None,
            config: request.manifest.revision,
        };
        let deployed = client.deploy(&function, &deploy).await?;
        self.report(&deployed, context)?;
        housekeeping::after_build(context, &store, &built).await;
        Ok(())
    }

    fn report(&self, deployed: &Deployed, context: &Context) -> Result<(), Error> {
        if self.reporting.json {
            return Ok(context.printer.json(deployed)?);
        }
        context.printer.say(summary(deployed));
        Ok(context.printer.line(&deployed.url)?)
    }
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
            client.put_blob(&digest, blob.size, body(&blob)?).await?;
        }
    }
    Ok(())
}

/// Answers a blob as a stream.
fn body(blob: &Blob) -> Result<RequestBody, Error> {
    let file = tokio::fs::File::from_std(blob.open()?.into());
    Ok(StreamBody::new(ReaderStream::new(file).map_ok(Frame::data)).boxed_unsync())
}
