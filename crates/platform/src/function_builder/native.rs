//! Contexts built by this program itself, as each of its builds, and of each tenant apart.

use std::sync::Arc;

use async_trait::async_trait;
use coracle_build::{
    Builder, Built, DockerfileAt, DockerfileOptions, Locking, Observer, Request, SecretValue,
};
use coracle_content::Store;
use coracle_oci::assemble_index;
use coracle_plan::{Arch, Target};
use coracle_spec::manifest::{BuildType, Platform, name_of_folder};
use coracle_spec::{Digest, Manifest};
use coracle_tasks::CancellationToken;

use super::seams::{ContextBuild, ContextBuilder, ContextImage};
use super::tenant::Tenant;
use crate::builds::{SourceBuildError, own_arch};
use crate::failure::SharedFailure;

/// Answers a tenant's builder, which is them at registries and has nothing of the host's package managers.
pub type BuilderOf = Box<dyn Fn(&Tenant) -> Builder + Send + Sync>;

/// Builds contexts with a builder for each tenant.
pub struct NativeContexts {
    builder_of: BuilderOf,
    store: Store,
}

impl NativeContexts {
    /// Builds with what `builder_of` answers, into `store`, which is that of all of them.
    pub fn new(builder_of: BuilderOf, store: Store) -> Self {
        Self { builder_of, store }
    }

    /// Answers the image, or the index of the images for several platforms.
    async fn digest(&self, built: &Built) -> Result<Digest, SharedFailure> {
        if built.others.is_empty() {
            return Ok(built.image.manifest);
        }
        let others = built.others.iter().map(|other| other.image.clone());
        let images: Vec<_> = std::iter::once(built.image.clone()).chain(others).collect();
        let (store, lease) = (self.store.clone(), Arc::clone(&built.lease));
        let assembling = tokio::task::spawn_blocking(move || {
            let index = assemble_index(&store, &images)?;
            lease.keep(&index.digest)?;
            Ok::<_, coracle_oci::ImageError>(index.digest)
        });
        let assembled = assembling
            .await
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        assembled.map_err(|error| Arc::new(error) as SharedFailure)
    }
}

#[async_trait]
impl ContextBuilder for NativeContexts {
    async fn build(
        &self,
        context: ContextBuild,
        observer: Arc<dyn Observer>,
        cancel: &CancellationToken,
    ) -> Result<ContextImage, SharedFailure> {
        let builder = (self.builder_of)(&context.tenant);
        let request = request(context).map_err(|error| Arc::new(error) as SharedFailure)?;
        let built = builder.build(&request, observer, cancel).await;
        let built = built.map_err(|error| Arc::new(error) as SharedFailure)?;
        Ok(ContextImage {
            digest: self.digest(&built).await?,
            lease: Some(built.lease),
        })
    }
}

/// The context's own manifest, if it has one, says nothing here: what was sent is a Dockerfile's context.
fn request(context: ContextBuild) -> Result<Request, SourceBuildError> {
    let mut manifest = Manifest::default_for(name_of_folder("function"));
    manifest.build.kind = BuildType::Dockerfile;
    let (target, others) = targets(own_arch()?, &context.platforms);
    let secret = |(id, value): (String, Vec<u8>)| (id, SecretValue::new(value));
    Ok(Request {
        folder: context.folder,
        manifest,
        target,
        others,
        locking: Locking::Update,
        dockerfile: DockerfileOptions {
            file: DockerfileAt::Usual,
            args: context.args,
            secrets: context.secrets.into_iter().map(secret).collect(),
            ..DockerfileOptions::default()
        },
        tenant: Some(coracle_build::Tenant::new(context.tenant.as_str())),
    })
}

/// Answers what to build for: each platform once, this machine's first; its own if none is named.
fn targets(host: Arch, platforms: &[Platform]) -> (Target, Vec<Target>) {
    let for_platform = |platform: &Platform| Target {
        arch: (*platform).into(),
        host,
    };
    let mut targets: Vec<Target> = platforms.iter().map(for_platform).collect();
    targets.sort_by_key(|target| (target.is_foreign(), target.arch.name()));
    targets.dedup();
    let mut targets = targets.into_iter();
    (targets.next().unwrap_or(Target::native(host)), targets.collect())
}
