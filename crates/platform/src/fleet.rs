//! A revision's instances: those that serve, those that start, and how it went last time.
//!
//! The gateway's [`door`](Fleet::door) counts requests and lets them wait; the fleet makes and ends instances. It acts
//! when the door asks ([`Capacity::wanted`]), when an instance ends, and when the scale loop looks at it.
//!
//! [`Capacity::wanted`]: coracle_gateway::Capacity::wanted

mod adopt;
mod attend;
mod backoff;
mod capacity;
mod end;
mod health;
mod scaling;
mod spare;
mod start;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use coracle_gateway as gateway;
use coracle_spec::revision::Scale;
use tokio::time::Instant;

use self::backoff::Backoff;
use self::capacity::FleetCapacity;
use crate::image::PreparedImage;
use crate::instance::Instance;
use crate::revision::Revision;
use crate::services::Services;

/// A revision's instances.
pub(crate) struct Fleet {
    revision: Arc<Revision>,
    door: Arc<gateway::Revision>,
    services: Arc<Services>,
    /// Kept by the instances there are: what sleeps holds nothing open. The lock lets one prepare it for all.
    image: tokio::sync::Mutex<Weak<PreparedImage>>,
    crew: Mutex<Crew>,
}

/// What changes about a fleet. The lock is held for bookkeeping only.
#[derive(Default)]
struct Crew {
    /// How many instances there are to be, when that was changed since the deploy.
    rescaled: Option<Scale>,
    /// Every instance from its creation to its end.
    instances: Vec<Arc<Instance>>,
    /// Starts under way.
    starting: u32,
    /// How the last starts went.
    backoff: Backoff,
    /// The last start that went well.
    last_start: Option<Start>,
    /// Another look is under way.
    looking_again: bool,
    /// No more instances are made, unless requests still wait; those there are end when nothing needs them.
    retired: bool,
    /// No more instances are made at all.
    closed: bool,
}

/// A start that went well.
#[derive(Debug, Clone, Copy)]
struct Start {
    /// When the instance became ready.
    ended: Instant,
    /// How long that took.
    took: Duration,
}

impl Fleet {
    /// Makes the fleet of a revision, without instances.
    pub(crate) fn new(revision: Revision, services: &Arc<Services>) -> Arc<Self> {
        Arc::new_cyclic(|this| {
            let capacity = Arc::new(FleetCapacity::of(this.clone()));
            let door = gateway::Revision::new(revision.id(), revision.limits(), capacity, &services.tasks);
            Self {
                revision: Arc::new(revision),
                door,
                services: Arc::clone(services),
                image: tokio::sync::Mutex::default(),
                crew: Mutex::default(),
            }
        })
    }

    /// Answers the revision.
    pub(crate) fn revision(&self) -> &Arc<Revision> {
        &self.revision
    }

    /// Answers where requests enter.
    pub(crate) fn door(&self) -> &Arc<gateway::Revision> {
        &self.door
    }

    /// Answers its instances.
    pub(crate) fn instances(&self) -> Vec<Arc<Instance>> {
        self.crew().instances.clone()
    }

    /// Answers whether it has instances, or should have, or may still be asked for one: a request that was led to its door
    /// just before another fleet took over gets its answer here.
    pub(crate) fn needs_looking_after(&self) -> bool {
        let crew = self.crew();
        let over = crew.retired || crew.closed;
        let asked = over && Arc::strong_count(&self.door) > 1;
        asked || !crew.instances.is_empty() || crew.starting > 0 || (!over && self.scale_of(&crew).min > 0)
    }

    /// Answers how many instances there are to be: as it was changed to, else as the revision says.
    fn scale_of<'a>(&'a self, crew: &'a Crew) -> &'a Scale {
        crew.rescaled.as_ref().unwrap_or(&self.revision.config.scale)
    }

    fn crew(&self) -> MutexGuard<'_, Crew> {
        self.crew.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fleet({:?})", self.revision.id())
    }
}
