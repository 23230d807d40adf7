//! `coracle deploy`: build here, send what the server lacks, and make a revision.

#[cfg(all(feature = "engine", target_os = "linux"))]
mod here;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod push;

use std::time::Duration;

use clap::Args;
use coracle_api::Client;
use coracle_api::types::{DeployRequest, Deployed};
use coracle_spec::{Deployable, FunctionId};

#[cfg(all(feature = "engine", target_os = "linux"))]
use self::here::Here;
use crate::args::{Remote, Reporting};
use crate::assignments::EnvFlags;
use crate::context::Context;
use crate::error::Error;
use crate::progress::time;
use crate::project::{Lock, Project, Source};
use crate::remote_build;

/// Nothing is built here.
#[cfg(not(all(feature = "engine", target_os = "linux")))]
enum Here {}

#[cfg(not(all(feature = "engine", target_os = "linux")))]
impl Here {
    async fn tidy(self, _: &Context) {
        match self {}
    }
}

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
    #[cfg(all(feature = "engine", target_os = "linux"))]
    #[command(flatten)]
    dockerfile: crate::dockerfile_flags::DockerfileFlags,
    /// Build on the server: the source is sent, and nothing is needed here but this program
    #[arg(long = "remote")]
    on_server: bool,
    /// Build nothing: deploy this image, which the server has (by its digest) or pulls (by its name in a registry)
    #[arg(long, value_name = "DIGEST|REF", conflicts_with = "on_server")]
    image: Option<Deployable>,
    #[command(flatten)]
    env: EnvFlags,
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    reporting: Reporting,
}

impl Deploy {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        let project = self.source.project(self.lock)?;
        let mut config = project.manifest.revision.clone();
        self.env.add_to(&mut config.env)?;
        let client = context.client(&self.remote)?;
        // Before a build that may take minutes.
        client.server().await?;
        let function = FunctionId {
            namespace: project.manifest.namespace.clone(),
            name: project.manifest.name.clone(),
        };
        let (image, here) = self.image(&project, &function, &client, context).await?;
        #[cfg(all(feature = "engine", target_os = "linux"))]
        if let Some(here) = &here {
            config.profile = here.profile();
        }
        let deploy = DeployRequest {
            image,
            reference: None,
            config,
        };
        let deployed = client.deploy(&function, &deploy).await?;
        self.report(&deployed, context)?;
        if let Some(here) = here {
            here.tidy(context).await;
        }
        Ok(())
    }

    /// Answers the image, which is on the server by then or is pulled by it, and what was built here for it.
    async fn image(
        &self,
        project: &Project,
        #[cfg_attr(
            not(all(feature = "engine", target_os = "linux")),
            expect(unused_variables, reason = "only what is built here is pushed under its name")
        )]
        function: &FunctionId,
        client: &Client,
        context: &Context,
    ) -> Result<(Deployable, Option<Here>), Error> {
        let others = project.manifest.build.from.clone().map(Deployable::Named);
        if let Some(image) = self.image.clone().or(others) {
            return Ok((image, None));
        }
        #[cfg(all(feature = "engine", target_os = "linux"))]
        if !self.on_server {
            let mut request = self.source.request(self.lock)?;
            self.dockerfile
                .add_to(&mut request.dockerfile, &context.settings.inherited);
            let here = Box::pin(here::build(&request, function, client, context)).await?;
            return Ok((Deployable::Stored(here.image()), Some(here)));
        }
        let manifest = self.source.manifest_file();
        let building = remote_build::build(client, project, manifest, context.printer);
        Ok((Deployable::Stored(Box::pin(building).await?), None))
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
