//! How much is going on, in numbers.

use crate::platform::Platform;

/// How much is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Functions that are served.
    pub functions: usize,
    /// Instances that serve, start or end.
    pub instances: usize,
    /// Requests that instances are serving.
    pub in_flight: u64,
    /// Requests that wait for an instance.
    pub waiting: usize,
}

impl Platform {
    /// Answers how much is going on.
    pub fn load(&self) -> Load {
        let mut load = Load {
            functions: self.functions().list(None).len(),
            ..Load::default()
        };
        for fleet in self.services().fleets.watched() {
            let observed = fleet.door().observe();
            load.instances += fleet.instances().len();
            load.in_flight += observed
                .instances
                .iter()
                .map(|instance| u64::from(instance.in_flight))
                .sum::<u64>();
            load.waiting += observed.waiting;
        }
        load
    }
}
