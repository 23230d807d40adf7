//! `coracle build`: from a source folder to an image.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use coracle_build::Built;
use coracle_content::Store;
use coracle_oci::{Compression, export};
use coracle_spec::{Digest, ImageRef};
use serde::Serialize;

use crate::args::Reporting;
use crate::building;
use crate::context::Context;
use crate::engine::Engine;
use crate::error::Error;
use crate::progress::time;
use crate::project::{Lock, Source};

/// Build an image from a source folder
#[derive(Debug, Args)]
pub(crate) struct Build {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    lock: Lock,
    /// What to call the image [default: the function's name]
    #[arg(long, short, value_name = "REF")]
    tag: Option<ImageRef>,
    /// Write the image to `oci:DIR` or `oci-archive:FILE`
    #[arg(long, short, value_name = "WHERE")]
    output: Vec<Output>,
    #[command(flatten)]
    reporting: Reporting,
}

/// Where an image is written.
#[derive(Debug, Clone)]
struct Output {
    text: String,
    to: coracle_oci::Output,
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let to = match text.split_once(':') {
            Some(("oci", path)) if !path.is_empty() => coracle_oci::Output::Layout(PathBuf::from(path)),
            Some(("oci-archive", path)) if !path.is_empty() => {
                coracle_oci::Output::Archive(PathBuf::from(path))
            }
            _ => return Err("expected `oci:DIR` or `oci-archive:FILE`".to_owned()),
        };
        Ok(Self {
            text: text.to_owned(),
            to,
        })
    }
}

/// What a build resulted in, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Report {
    image: String,
    digest: Digest,
    size: u64,
    layers: Vec<LayerReport>,
    steps: Vec<StepReport>,
    outputs: Vec<OutputReport>,
    ms: u128,
}

#[derive(Debug, Serialize)]
struct LayerReport {
    digest: Digest,
    diff_id: Digest,
    size: u64,
    step: String,
}

#[derive(Debug, Serialize)]
struct StepReport {
    id: String,
    name: String,
    cached: bool,
    ms: u128,
}

/// An image that was written. Its layers are compressed as every reader understands, so its digest is its own.
#[derive(Debug, Serialize)]
struct OutputReport {
    to: String,
    digest: Digest,
}

impl Build {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        let request = self.source.request(self.lock)?;
        let reference = match &self.tag {
            Some(tag) => tag.clone(),
            None => request.manifest.name.as_str().parse()?,
        };
        let engine = Engine::open(context)?;
        let store = engine.store.clone();
        let built = building::build(&engine, &request, context.printer).await;
        engine.close().await;
        let built = built?;
        let outputs = self.write(&store, &built, &reference)?;
        let report = Report::of(&built, &reference, outputs);
        if self.reporting.json {
            return Ok(context.printer.json(&report)?);
        }
        context.printer.say(report.summary(built.duration));
        Ok(context.printer.line(report.digest)?)
    }

    fn write(&self, store: &Store, built: &Built, reference: &ImageRef) -> Result<Vec<OutputReport>, Error> {
        let mut reports = Vec::new();
        for output in &self.output {
            let written = export(store, &built.image, &output.to, Compression::Gzip, reference)?;
            reports.push(OutputReport {
                to: output.text.clone(),
                digest: written.manifest,
            });
        }
        Ok(reports)
    }
}

impl Report {
    fn of(built: &Built, reference: &ImageRef, outputs: Vec<OutputReport>) -> Self {
        let layers = built.image.layers.iter().map(|layer| LayerReport {
            digest: layer.digest,
            diff_id: layer.diff_id,
            size: layer.size,
            step: layer.note.clone(),
        });
        let steps = built.steps.iter().map(|step| StepReport {
            id: step.id.to_string(),
            name: step.name.clone(),
            cached: step.cached,
            ms: step.duration.as_millis(),
        });
        Self {
            image: reference.to_string(),
            digest: built.image.manifest,
            size: built.image.size,
            layers: layers.collect(),
            steps: steps.collect(),
            outputs,
            ms: built.duration.as_millis(),
        }
    }

    fn summary(&self, took: Duration) -> String {
        let cached = self.steps.iter().filter(|step| step.cached).count();
        format!(
            "built {} in {}: {:.1} MB in {} layers, {cached} of {} steps cached",
            self.image,
            time(took),
            megabytes(self.size),
            self.layers.len(),
            self.steps.len()
        )
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_layouts_and_archives_and_nothing_else() {
        assert!(matches!(
            "oci:out".parse::<Output>().unwrap().to,
            coracle_oci::Output::Layout(_)
        ));
        assert!(matches!(
            "oci-archive:a.tar".parse::<Output>().unwrap().to,
            coracle_oci::Output::Archive(_)
        ));
        for bad in ["", "oci", "oci:", "docker:x", "a.tar"] {
            assert!(bad.parse::<Output>().is_err(), "{bad}");
        }
    }
}
