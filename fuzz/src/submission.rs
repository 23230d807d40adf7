//! The whole body of `POST /build`: unpacked, understood, and looked at by whoever would build it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coracle_content::Store;
use coracle_platform::{
    Bounds, BuildEvent, ContextBuild, ContextBuilder, ContextImage, FunctionBuilder, FunctionBuilderConfig,
    Observer, Publication, Publisher, SealingKey, Senders, SharedFailure, Spooled,
};
use coracle_spec::Digest;
use coracle_tasks::CancellationToken;
use fs_err as fs;

use crate::place;

/// What build secrets are sealed for; the kept inputs have some that fit.
const KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

/// A body that a known sender signed.
///
/// # Panics
/// When something is written beside its own folder or stays when it is over, when a build is begun without a context, or
/// when an image is pushed that nobody named.
#[expect(clippy::unwrap_used, reason = "a fuzz target has no other way to complain")]
pub fn submission(input: &[u8]) {
    let place = place();
    let builder = builder(Store::open(&place.path().join("store")).unwrap());
    let scratch = builder.scratch().unwrap();
    let folder = scratch.path().to_owned();
    let file = folder.join("body.tar");
    fs::write(&file, input).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let ended = runtime.block_on(async {
        let admitted = builder.admit("fuzz".parse().unwrap(), None).unwrap();
        let body = Spooled { file, scratch };
        let never = CancellationToken::new();
        builder.build(admitted, body, Arc::new(Deaf), &never).await
    });
    if let Err(error) = ended {
        drop(error.to_string());
    }
    assert!(!folder.exists(), "something of the body stays");
    let beside = fs::read_dir(place.path()).unwrap().count();
    assert_eq!(beside, 1, "something was written outside");
}

#[expect(clippy::unwrap_used, reason = "a constant")]
fn builder(store: Store) -> FunctionBuilder {
    FunctionBuilder::new(FunctionBuilderConfig {
        senders: Senders::Anybody,
        sealing: SealingKey::parse(KEY).unwrap(),
        bounds: Bounds {
            running: None,
            waiting: 0,
        },
        timeout: Duration::from_mins(1),
        replay_window: None,
        contexts: Arc::new(Onlooker),
        publisher: Arc::new(Onlooker),
        store,
    })
}

/// Hears nothing.
struct Deaf;

impl Observer for Deaf {
    fn event(&self, _: BuildEvent<'_>) {}
}

/// Looks at what it gets, and builds nothing.
struct Onlooker;

#[async_trait]
impl ContextBuilder for Onlooker {
    async fn build(
        &self,
        build: ContextBuild,
        _: Arc<dyn Observer>,
        _: &CancellationToken,
    ) -> Result<ContextImage, SharedFailure> {
        assert!(build.folder.ends_with("context"), "{}", build.folder.display());
        crate::archive::check(&build.folder);
        read(&build.folder.join("Dockerfile"));
        Ok(ContextImage {
            digest: Digest::of("an image"),
            lease: None,
        })
    }
}

/// Reads a Dockerfile, if it is one.
fn read(file: &Path) {
    if let Ok(text) = fs::read(file) {
        crate::dockerfile(&text);
    }
}

#[async_trait]
impl Publisher for Onlooker {
    async fn publish(
        &self,
        publication: Publication,
        _: Arc<dyn Observer>,
        _: &CancellationToken,
    ) -> Result<(), SharedFailure> {
        assert!(!publication.reference.full_name().is_empty());
        Ok(())
    }
}
