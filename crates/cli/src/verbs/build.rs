//! `coracle build`: from a source folder to an image.

mod images;
mod report;

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use coracle_content::Store;
use coracle_spec::ImageRef;
use coracle_spec::manifest::Platform;
use images::Images;
use report::{OutputReport, Report};

use crate::args::Reporting;
use crate::building;
use crate::context::Context;
use crate::engine::Engine;
use crate::error::Error;
use crate::housekeeping;
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
    /// Build for `linux/amd64`, `linux/arm64` or both, with commas between [default: `build.platforms`, or this machine's]
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',')]
    platform: Vec<Platform>,
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

impl Build {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        let request = self.source.images(self.lock, &self.platform)?;
        let reference = match &self.tag {
            Some(tag) => tag.clone(),
            None => request.manifest.name.as_str().parse()?,
        };
        let engine = Engine::open(context)?;
        // What is made of the images here is in use too, until they are written.
        let store = engine.store.held()?;
        let built = building::build(&engine, &request, context.printer).await;
        engine.close().await;
        let built = built?;
        let images = Images::of(&store, &request, &built)?;
        let outputs = self.write(&store, &images, &reference)?;
        let report = Report::of(&built, &images, &reference, outputs);
        if self.reporting.json {
            context.printer.json(&report)?;
        } else {
            context.printer.say(report.summary(built.duration));
            context.printer.line(images.digest())?;
        }
        housekeeping::after_build(context, &store, &built).await;
        Ok(())
    }

    fn write(
        &self,
        store: &Store,
        images: &Images,
        reference: &ImageRef,
    ) -> Result<Vec<OutputReport>, Error> {
        let mut reports = Vec::new();
        for output in &self.output {
            let written = images.export(store, &output.to, reference)?;
            reports.push(OutputReport::of(output.text.clone(), &written));
        }
        Ok(reports)
    }
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
