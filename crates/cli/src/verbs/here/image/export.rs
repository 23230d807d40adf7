//! `coracle image export`.

use clap::Args;
use coracle_spec::ImageRef;
use coracle_spec::manifest::Platform;

use crate::context::Context;
use crate::destination::{Destination, Layering};
use crate::engine::open_store;
use crate::error::Error;
use crate::stored::Which;

/// Write an image to a folder, a file or a Docker Engine
#[derive(Debug, Args)]
pub(super) struct Export {
    /// Its name here, or the digest of its manifest
    image: Which,
    /// Where to: `oci:DIR`, `oci-archive:FILE`, `docker-archive:FILE` or `docker`
    to: Destination,
    /// What it is called there [default: its name here]
    #[arg(long, short, value_name = "REF")]
    tag: Option<ImageRef>,
    /// Write the image for this platform only
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<Platform>,
    /// How layers are compressed
    #[arg(long, value_name = "HOW", default_value = "gzip")]
    compression: Layering,
}

impl Export {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        let store = open_store(&context.settings)?.held()?;
        let stored = self.image.find(&store)?.only(&self.image, self.platform)?;
        let names: Vec<ImageRef> = self
            .tag
            .iter()
            .chain(self.image.name())
            .take(1)
            .cloned()
            .collect();
        let (to, how) = (&self.to, self.compression);
        let digest = match (stored.index(), stored.images.first()) {
            (Some(index), _) => to.write(context, &store, (&index, how), &names).await?.digest,
            (None, Some((_, image))) => to.write(context, &store, (image, how), &names).await?.manifest,
            (None, None) => return Ok(()),
        };
        context.printer.say(format_args!("wrote {}", self.to));
        Ok(context.printer.line(digest)?)
    }
}
