//! What the gateway's door asks of the fleet.

use std::sync::Weak;

use coracle_gateway::{Capacity, DialError, InstanceId, RevisionId};

use super::Fleet;

/// The door's way to its fleet; weak, since the fleet owns the door.
pub(super) struct FleetCapacity(Weak<Fleet>);

impl FleetCapacity {
    pub(super) fn of(fleet: Weak<Fleet>) -> Self {
        Self(fleet)
    }
}

impl Capacity for FleetCapacity {
    fn wanted(&self, _: &RevisionId) {
        if let Some(fleet) = self.0.upgrade() {
            fleet.wanted();
        }
    }

    fn unreachable(&self, revision: &RevisionId, instance: &InstanceId, error: &DialError) {
        tracing::warn!(%revision, %instance, %error, "instance is unreachable");
        if let Some(fleet) = self.0.upgrade() {
            fleet.give_up(instance);
        }
    }
}
