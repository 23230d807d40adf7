//! `coracle image inspect`.

use clap::Args;
use coracle_content::Store;
use coracle_oci::{ImageError, load_document};
use coracle_spec::Digest;
use coracle_spec::image::ImageDocument;
use coracle_spec::manifest::Platform;
use serde::Serialize;

use crate::args::Reporting;
use crate::context::Context;
use crate::engine::open_store;
use crate::error::Error;
use crate::size::human;
use crate::stored::Which;
use crate::table::Table;

/// Show what an image consists of and how it is run
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// Its name, or the digest of its manifest
    image: Which,
    /// Show the image for this platform only
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<Platform>,
    #[command(flatten)]
    reporting: Reporting,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    digest: Digest,
    images: Vec<OneImage>,
}

#[derive(Debug, Serialize)]
struct OneImage {
    platform: String,
    digest: Digest,
    /// Of all blobs, in bytes.
    size: u64,
    layers: Vec<OneLayer>,
    config: ImageDocument,
}

#[derive(Debug, Serialize)]
struct OneLayer {
    digest: Digest,
    diff_id: Digest,
    media_type: &'static str,
    size: u64,
}

impl Inspect {
    pub(super) fn run(self, context: &Context) -> Result<(), Error> {
        let store = open_store(&context.settings)?;
        let stored = self.image.find(&store)?.only(&self.image, self.platform)?;
        let images = stored.images.iter();
        let report = Report {
            digest: stored.digest,
            images: images
                .map(|(platform, image)| one(&store, platform, image))
                .collect::<Result<_, _>>()?,
        };
        if self.reporting.json {
            return Ok(context.printer.json(&report)?);
        }
        for image in report.images {
            context.printer.line(image.table())?;
        }
        Ok(())
    }
}

fn one(store: &Store, platform: &str, image: &coracle_oci::Image) -> Result<OneImage, ImageError> {
    let layers = image.layers.iter().map(|layer| OneLayer {
        digest: layer.digest,
        diff_id: layer.diff_id,
        media_type: layer.media_type(),
        size: layer.size,
    });
    Ok(OneImage {
        platform: platform.to_owned(),
        digest: image.manifest,
        size: image.size,
        layers: layers.collect(),
        config: load_document(store, image)?,
    })
}

impl OneImage {
    fn table(&self) -> Table<2> {
        let run = &self.config.config;
        let mut table = Table::new(["PLATFORM", &self.platform]);
        let mut row = |name: &str, value: String| {
            if !value.is_empty() {
                table.row([name.to_owned(), value]);
            }
        };
        row("digest", self.digest.to_string());
        row("size", human(self.size));
        row("created", self.config.created.clone());
        row("entrypoint", words(run.entrypoint.as_ref()));
        row("command", words(run.cmd.as_ref()));
        row("user", run.user.clone());
        row("folder", run.working_dir.clone());
        row(
            "ports",
            run.exposed_ports.keys().cloned().collect::<Vec<_>>().join(" "),
        );
        for (name, value) in run.env.iter() {
            row("environment", format!("{name}={value}"));
        }
        for (name, value) in &run.labels {
            row("label", format!("{name}={value}"));
        }
        for layer in &self.layers {
            row("layer", format!("{} {}", layer.digest, human(layer.size)));
        }
        table
    }
}

fn words(list: Option<&Vec<String>>) -> String {
    list.map(|words| serde_json::json!(words).to_string())
        .unwrap_or_default()
}
