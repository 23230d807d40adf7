//! What images of registries are: remembered, so that an unchanged build needs no network.
//!
//! What a name stood for is kept for a day. Then a build asks the registry again, and goes on with what it knows when
//! that cannot be reached: a base image's repairs arrive by themselves, and a build without a network works. Asking each
//! time lost, since that is one more thing that can fail or be slow on each build; never asking lost, since nobody would
//! get repairs who does not know of `--pull`.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use coracle_oci::{load, load_document};
use coracle_plan::{KnownImage, Wanted};
use coracle_spec::{Class, Digest, Failure as _};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::builder::Tools;
use crate::progress::{Event, Observer};
use crate::request::{Pull, Tenant};
use crate::steps::image::PullError;

/// The kind of record that says what a name stood for.
const KIND: &str = "names";
/// How long that is believed.
const BELIEVED: Duration = Duration::from_hours(24);

/// Looks images up.
pub(super) struct Images<'a> {
    pub(super) tools: &'a Tools,
    pub(super) tenant: Option<&'a Tenant>,
    pub(super) pull: Pull,
    pub(super) observer: &'a Arc<dyn Observer>,
    pub(super) cancel: &'a CancellationToken,
}

/// What a name stood for, and when.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Remembered {
    digest: Digest,
    /// Seconds since 1970.
    since: u64,
}

impl Images<'_> {
    /// Answers what a name stands for.
    pub(super) async fn look_up(&self, wanted: &Wanted) -> Result<KnownImage, PullError> {
        let remembered = self.remembered(wanted)?;
        if self.pull == Pull::Missing && !self.is_nearby(wanted).await? {
            if let Some(image) = self.named_here(wanted) {
                return Ok(image);
            }
            if let Some((image, true)) = &remembered {
                return Ok(image.clone());
            }
        }
        match (self.ask(wanted).await, remembered) {
            (Err(error), Some((image, _)))
                if error.class() == Class::Unavailable && self.pull == Pull::Missing =>
            {
                let text = format!(
                    "`{}` cannot be asked for in its registry: what it was is used",
                    wanted.reference
                );
                self.observer.event(Event::Warning { text: &text });
                Ok(image)
            }
            (asked, _) => asked,
        }
    }

    /// Answers whether asking costs nothing: then nothing is believed that was.
    async fn is_nearby(&self, wanted: &Wanted) -> Result<bool, PullError> {
        let client = self.tools.registries(self.tenant);
        let found = client.is_nearby(&wanted.reference).await;
        found.map_err(|source| PullError::Pull {
            image: wanted.reference.to_string(),
            source: Box::new(source),
        })
    }

    /// Answers the image that somebody gave this name on this machine. Parties see no names: they are others' images.
    /// Nor do names count that nobody chose: a folder `nginx` whose Dockerfile stands on `nginx` would stand on itself.
    fn named_here(&self, wanted: &Wanted) -> Option<KnownImage> {
        if self.tenant.is_some() {
            return None;
        }
        let named = self.tools.store.named(&wanted.reference).ok()??;
        if !named.is_given {
            return None;
        }
        self.known(&named.digest)
            .filter(|image| image.document.architecture == wanted.arch.name())
    }

    /// Answers what a name stood for, and whether that is still believed.
    fn remembered(&self, wanted: &Wanted) -> Result<Option<(KnownImage, bool)>, PullError> {
        let record = self.tools.store.record::<Remembered>(KIND, &self.key(wanted))?;
        let believed = |record: &Remembered| now().saturating_sub(record.since) < BELIEVED.as_secs();
        Ok(record.and_then(|record| Some((self.known(&record.digest)?, believed(&record)))))
    }

    async fn ask(&self, wanted: &Wanted) -> Result<KnownImage, PullError> {
        let failed = |source| PullError::Pull {
            image: wanted.reference.to_string(),
            source: Box::new(source),
        };
        let client = self.tools.registries(self.tenant);
        let asking = client.resolve(&wanted.reference, wanted.arch.platform());
        let asked = self.cancel.run_until_cancelled(asking).await;
        let resolved = asked
            .unwrap_or(Err(coracle_distribution::DistributionError::Cancelled))
            .map_err(failed)?;
        let document = serde_json::from_slice(&resolved.config).map_err(|source| PullError::Document {
            image: wanted.reference.to_string(),
            source,
        })?;
        let record = Remembered {
            digest: resolved.digest,
            since: now(),
        };
        self.tools.store.put_record(KIND, &self.key(wanted), &record)?;
        Ok(KnownImage {
            digest: resolved.digest,
            document,
        })
    }

    /// Answers an image whose manifest and configuration are in the store.
    fn known(&self, digest: &Digest) -> Option<KnownImage> {
        let image = load(&self.tools.store, digest).ok()?;
        let document = load_document(&self.tools.store, &image).ok()?;
        Some(KnownImage {
            digest: *digest,
            document,
        })
    }

    fn key(&self, wanted: &Wanted) -> Digest {
        let name = wanted.reference.canonical().to_string();
        Digest::of_value(&(self.tenant, name, wanted.arch.name()))
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
