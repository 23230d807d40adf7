//! `coracle image pull`.

use clap::Args;
use coracle_oci::{Image, OWN_ARCHITECTURE};
use coracle_spec::manifest::Platform;
use coracle_spec::{Counted, Digest, ImageRef};
use serde::Serialize;

use crate::args::Reporting;
use crate::context::Context;
use crate::engine::open_store;
use crate::error::Error;
use crate::registries;
use crate::size::human;

/// Pull an image from its registry
#[derive(Debug, Args)]
pub(super) struct Pull {
    /// Its name, as Docker writes it: `alpine`, `ghcr.io/team/app:1.2`
    image: ImageRef,
    /// Pull the image for this platform [default: this machine's]
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<Platform>,
    #[command(flatten)]
    reporting: Reporting,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    name: String,
    digest: Digest,
    size: u64,
    layers: usize,
}

impl Pull {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        let store = open_store(&context.settings)?.held()?;
        let client = registries::client(context, &store);
        let platform = self.platform.unwrap_or_else(own);
        let image = registries::work(context, "pulling", async |transfers, cancel| {
            client.pull(&self.image, platform, transfers, cancel).await
        })
        .await?;
        store.set_name(&self.image, &image.manifest)?;
        self.report(context, &image)
    }

    fn report(&self, context: &Context, image: &Image) -> Result<(), Error> {
        if self.reporting.json {
            return Ok(context.printer.json(&Report {
                name: self.image.canonical().to_string(),
                digest: image.manifest,
                size: image.size,
                layers: image.layers.len(),
            })?);
        }
        context.printer.say(format_args!(
            "pulled {}: {} in {}",
            self.image.canonical(),
            human(image.size),
            Counted(image.layers.len(), "layer")
        ));
        Ok(context.printer.line(image.manifest)?)
    }
}

/// Answers this machine's platform.
fn own() -> Platform {
    let is_own = |platform: &Platform| platform.name().ends_with(OWN_ARCHITECTURE);
    Platform::ALL
        .into_iter()
        .find(is_own)
        .unwrap_or(Platform::LinuxAmd64)
}
