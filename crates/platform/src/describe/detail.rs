//! A function in full: everything that somebody asks who wonders why it does not answer.

use std::sync::Arc;

use coracle_gateway::{InstanceState, Observed};
use coracle_oci::ImageError;
use coracle_spec::revision::Scale;
use coracle_spec::{Class, Failure as _, FunctionId};
use coracle_state::{Event, Line, RevisionStatus};
use tokio::time::Instant;

use super::condition::{self, Condition, Standing};
use crate::fleet::Fleet;
use crate::happening::{Exited, StartFailed};
use crate::instance::{Instance, State};
use crate::launch;
use crate::platform::Platform;
use crate::records::{RecordError, RevisionRecord};

/// How many of the last events are looked at.
const EVENTS: u32 = 100;
/// How many of the last events are shown.
const SHOWN_EVENTS: usize = 20;
/// How many of the last exits are shown.
const SHOWN_EXITS: usize = 5;
/// How many of the last lines are shown.
const SHOWN_LINES: usize = 10;

/// A function in full.
#[derive(Debug, Clone)]
pub struct FunctionDetail {
    /// The function.
    pub function: FunctionId,
    /// Where the function answers.
    pub url: String,
    /// How it does.
    pub condition: Condition,
    /// The revision that serves; none when none was ever ready.
    pub revision: Option<RevisionRecord>,
    /// What is known of that one's image; none when it is not in the store.
    pub image: Option<ImageDetail>,
    /// How many instances there are to be.
    pub scale: Option<Scale>,
    /// Whether that was changed since the deploy.
    pub rescaled: bool,
    /// Its instances.
    pub instances: Vec<InstanceDetail>,
    /// Whether a sandbox is ready for the next start.
    pub spare: bool,
    /// The requests that wait.
    pub queue: QueueDetail,
    /// The newest revision that failed, when it is newer than the one that serves.
    pub failed_revision: Option<u64>,
    /// The last start that failed.
    pub last_failure: Option<Happened<StartFailed>>,
    /// The instances that ended last, newest first.
    pub exits: Vec<Happened<Exited>>,
    /// What was printed last, the oldest line first.
    pub lines: Vec<Line>,
    /// What happened last, newest first.
    pub events: Vec<Event>,
    /// What can be done about what is wrong.
    pub hints: Vec<String>,
}

/// What is known of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageDetail {
    /// The bytes of its blobs, compressed as they are.
    pub size: u64,
    /// Where its program is told to listen.
    pub port: u16,
    /// Its program.
    pub command: Vec<String>,
}

/// Requests that wait for a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueDetail {
    /// How many.
    pub waiting: usize,
    /// For how many milliseconds the first of them does so.
    pub longest_ms: u64,
}

/// Something that happened at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened<T> {
    /// When: seconds since 1970-01-01 UTC.
    pub at: u64,
    /// What.
    pub what: T,
}

/// An instance, as it is shown.
#[derive(Debug, Clone)]
pub struct InstanceDetail {
    /// Its name.
    pub id: String,
    /// The number of its revision.
    pub revision: u64,
    /// Where it is in its life.
    pub state: State,
    /// Requests it is serving.
    pub in_flight: u32,
    /// Seconds since it was made.
    pub age_seconds: u64,
}

impl Platform {
    /// Describes a function, also one of which no revision was ever ready.
    pub async fn describe(&self, id: &FunctionId) -> Result<FunctionDetail, RecordError> {
        let records = self.revisions(id).await?;
        let fleet = self.functions().get(id);
        let events = self.services().journal.events(id, EVENTS).await?;
        let serving = fleet.as_ref().map(|fleet| fleet.revision().number);
        let instances = fleet.as_deref().map_or_else(Vec::new, instances);
        let mut detail = FunctionDetail {
            function: id.clone(),
            url: self.url_of(id),
            condition: condition::condition(serving, &instances, &events),
            image: self.image_of(fleet.as_ref()).await,
            scale: fleet.as_ref().map(|fleet| fleet.scale()),
            rescaled: fleet.as_ref().is_some_and(|fleet| fleet.own_scale().is_some()),
            instances,
            spare: fleet.as_ref().is_some_and(|fleet| self.has_spare(fleet)),
            queue: fleet
                .as_ref()
                .map_or_else(QueueDetail::default, |fleet| queue(&fleet.door().observe())),
            failed_revision: failed(&records, serving),
            last_failure: condition::happened(&events, "start_failed").into_iter().next(),
            exits: condition::happened(&events, "exited"),
            lines: self.services().journal.logs().tail(id, SHOWN_LINES).await?,
            events,
            revision: records.into_iter().find(|record| record.serving),
            hints: Vec::new(),
        };
        detail.exits.truncate(SHOWN_EXITS);
        detail.events.truncate(SHOWN_EVENTS);
        detail.hints = hints(&detail);
        Ok(detail)
    }

    fn has_spare(&self, fleet: &Fleet) -> bool {
        self.services().spares.has(&fleet.revision().id())
    }

    async fn image_of(&self, fleet: Option<&Arc<Fleet>>) -> Option<ImageDetail> {
        let revision = Arc::clone(fleet?.revision());
        let store = self.services().store.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let image = coracle_oci::load(&store, &revision.image)?;
            let config = coracle_oci::load_config(&store, &image)?;
            Ok::<_, ImageError>(ImageDetail {
                size: image.size,
                port: launch::port(&config, &revision.config),
                command: launch::command(&config, &revision.config),
            })
        });
        let looked = looked
            .await
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        looked.inspect_err(warn_unless_gone).ok()
    }
}

fn warn_unless_gone(error: &ImageError) {
    if error.class() != Class::NotFound {
        tracing::warn!(%error, "an image cannot be described");
    }
}

/// Answers the newest revision that failed, when it is newer than the one that serves.
fn failed(records: &[RevisionRecord], serving: Option<u64>) -> Option<u64> {
    let newest = records
        .iter()
        .find(|record| record.status == RevisionStatus::Failed)?;
    let number = newest.revision.number;
    (serving.is_none_or(|serving| number > serving)).then_some(number)
}

fn queue(observed: &Observed) -> QueueDetail {
    let waits = observed.waiting_since.map(|since| since.elapsed().as_millis());
    QueueDetail {
        waiting: observed.waiting,
        longest_ms: waits.map_or(0, |waits| u64::try_from(waits).unwrap_or(u64::MAX)),
    }
}

fn hints(detail: &FunctionDetail) -> Vec<String> {
    let mut hints = Vec::new();
    let unwell = matches!(
        detail.condition.standing,
        Standing::Failing | Standing::NeverReady
    );
    let failure = detail.last_failure.as_ref().map(|failure| &failure.what);
    if let Some(failure) =
        failure.filter(|failure| unwell || detail.failed_revision == Some(failure.revision))
    {
        hints.extend(failure.hint.clone());
    }
    if detail.exits.iter().any(|exit| exit.what.out_of_memory) {
        hints.push("raise `resources.memory` in the manifest".to_owned());
    }
    if detail.revision.is_some() && detail.image.is_none() {
        hints.push("its image is no longer in the store whole: deploy it again".to_owned());
    }
    let full = detail
        .scale
        .as_ref()
        .is_some_and(|scale| detail.instances.len() >= scale.max as usize);
    if detail.queue.waiting > 0 && full {
        hints.push(format!(
            "requests wait: `coracle scale {} --max N` allows more instances",
            detail.function
        ));
    }
    if unwell {
        hints.push(format!(
            "`coracle logs {}` shows what it printed",
            detail.function
        ));
    }
    hints.dedup();
    hints
}

fn instances(fleet: &Fleet) -> Vec<InstanceDetail> {
    let observed = fleet.door().observe().instances;
    let now = Instant::now();
    fleet
        .instances()
        .iter()
        .map(|instance| detail(instance, &observed, now))
        .collect()
}

fn detail(instance: &Instance, observed: &[InstanceState], now: Instant) -> InstanceDetail {
    let in_flight = observed
        .iter()
        .find(|state| state.id == *instance.id())
        .map_or(0, |state| state.in_flight);
    InstanceDetail {
        id: instance.id().to_string(),
        revision: instance.revision(),
        state: instance.state(),
        in_flight,
        age_seconds: now.saturating_duration_since(instance.born()).as_secs(),
    }
}
