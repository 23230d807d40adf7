//! Looking: which functions there are, and how they do.

use std::sync::Arc;

use coracle_gateway::InstanceState;
use coracle_spec::{FunctionId, Namespace};
use coracle_state::{Event, RevisionStatus};
use tokio::time::Instant;

use crate::fleet::Fleet;
use crate::instance::{Instance, State};

use crate::platform::Platform;
use crate::records::{RecordError, RevisionRecord};
use crate::revision::Revision;

/// How many of the last events are shown.
const SHOWN_EVENTS: u32 = 20;

/// A function in a list.
#[derive(Debug, Clone)]
pub struct FunctionSummary {
    /// The revision that serves.
    pub revision: Arc<Revision>,
    /// Where the function answers.
    pub url: String,
    /// Its instances that serve or start.
    pub instances: usize,
}

/// A function in full.
#[derive(Debug, Clone)]
pub struct FunctionDetail {
    /// The revision that serves.
    pub revision: RevisionRecord,
    /// Where the function answers.
    pub url: String,
    /// Its instances.
    pub instances: Vec<InstanceDetail>,
    /// What happened last, newest first.
    pub events: Vec<Event>,
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
    /// Lists the functions of `namespace`, or of all, by name.
    pub fn list(&self, namespace: Option<&Namespace>) -> Vec<FunctionSummary> {
        let summary = |fleet: Arc<Fleet>| FunctionSummary {
            url: self.url_of(&fleet.revision().function),
            instances: fleet.instances().len(),
            revision: Arc::clone(fleet.revision()),
        };
        self.functions()
            .list(namespace)
            .into_iter()
            .map(summary)
            .collect()
    }

    /// Describes a function.
    pub async fn describe(&self, id: &FunctionId) -> Result<FunctionDetail, RecordError> {
        let fleet = self
            .functions()
            .get(id)
            .ok_or_else(|| RecordError::NotFound(id.clone()))?;
        let revision = Revision::clone(fleet.revision());
        Ok(FunctionDetail {
            revision: RevisionRecord {
                revision,
                status: RevisionStatus::Ready,
                serving: true,
            },
            url: self.url_of(id),
            instances: instances(&fleet),
            events: self.services().journal.events(id, SHOWN_EVENTS).await?,
        })
    }

    /// Lists a function's revisions, newest first.
    pub async fn revisions(&self, id: &FunctionId) -> Result<Vec<RevisionRecord>, RecordError> {
        let serving = self.functions().get(id).map(|fleet| fleet.revision().number);
        self.records().revisions(id, serving).await
    }
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
