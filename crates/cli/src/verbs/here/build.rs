//! `coracle build`: from a source folder to an image.

mod images;
mod leaving;
mod made;
mod remote;
mod report;

use clap::Args;
use coracle_api::client::Endpoint;
use coracle_build::Request;
use coracle_content::{Store, StoreError};
use coracle_spec::manifest::Platform;
use coracle_spec::{Digest, ImageRef};
use images::Images;
use leaving::Leaving;
use made::Made;
use remote::{Remote, Wanted};
use report::Report;

use crate::args::Reporting;
use crate::building;
use crate::buildkit::{self, Who};
use crate::context::Context;
use crate::dockerfile_flags::{DockerfileFlags, SecretFlags};
use crate::engine::{Engine, open_store};
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
    /// What to call the image, once or more [default: the function's name]
    #[arg(long, short, value_name = "REF")]
    tag: Vec<ImageRef>,
    /// Build for `linux/amd64`, `linux/arm64` or both, with commas between [default: `build.platforms`, or this machine's]
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',')]
    platform: Vec<Platform>,
    #[command(flatten)]
    leaving: Leaving,
    #[command(flatten)]
    reporting: Reporting,
    #[command(flatten)]
    dockerfile: DockerfileFlags,
    #[command(flatten)]
    secrets: SecretFlags,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    remote: Remote,
}

impl Build {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        let mut request = self.source.images(self.lock, &self.platform)?;
        let inherited = &context.settings.inherited;
        self.dockerfile.add_to(&mut request.dockerfile, inherited);
        self.secrets.add_to(&mut request.dockerfile, inherited)?;
        if let Some(endpoint) = self.remote.url() {
            return Box::pin(self.build_elsewhere(context, endpoint, &request)).await;
        }
        let usual: ImageRef = request.manifest.name.as_str().parse()?;
        let (store, made) = Box::pin(self.build(context, &request)).await?;
        let images = Images::of(&store, &made)?;
        let names = self.name(&store, images.digest(), &usual)?;
        let sent = self.leaving.send(context, &store, &images, names).await?;
        let report = Report::of(&made, &images, &names[0], sent);
        if self.reporting.json {
            context.printer.json(&report)?;
        } else {
            context.printer.say(report.summary(made.duration));
            context.printer.line(images.digest())?;
        }
        housekeeping::after_steps(context, &store, &made.steps).await;
        Ok(())
    }

    /// Gives the image its names, and answers them: at least one.
    fn name<'a>(
        &'a self,
        store: &Store,
        digest: Digest,
        usual: &'a ImageRef,
    ) -> Result<&'a [ImageRef], StoreError> {
        if self.tag.is_empty() {
            store.set_default_name(usual, &digest)?;
            return Ok(std::slice::from_ref(usual));
        }
        for tag in &self.tag {
            store.set_name(tag, &digest)?;
        }
        Ok(&self.tag)
    }

    async fn build_elsewhere(
        &self,
        context: &Context,
        endpoint: &Endpoint,
        request: &Request,
    ) -> Result<(), Error> {
        let wanted = Wanted {
            request,
            images: &self.tag,
            platforms: &self.platform,
        };
        let image = self.remote.build(context, endpoint, &wanted).await?;
        if self.reporting.json {
            return Ok(context.printer.json(&remote::Report { image })?);
        }
        Ok(context.printer.line(image)?)
    }

    /// Builds; answers the images, and the store that keeps what is made of them until it is dropped.
    async fn build(&self, context: &Context, request: &Request) -> Result<(Store, Made), Error> {
        if let Some(place) = self.who.place(context)? {
            let store = open_store(&context.settings)?.held()?;
            let solved = Box::pin(buildkit::build(context, &store, request, place)).await?;
            let made = Made::solved(&store, solved)?;
            return Ok((store, made));
        }
        let engine = Engine::open(context)?;
        let store = engine.store.held()?;
        let built = building::build(&engine, request, context.printer).await;
        engine.close().await;
        Ok((store, Made::built(request, built?)))
    }
}
