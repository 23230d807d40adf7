//! Which functions there are and which fleet serves each: the platform's table, and the gateway's beside it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coracle_gateway::{Routes, Table, Target};
use coracle_spec::{FunctionId, Namespace};

use crate::fleet::Fleet;

/// How functions are addressed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Addressing {
    /// By their names, in the host or in the path.
    #[default]
    ByName,
    /// This one also gets every request that names none.
    AtRoot(FunctionId),
}

/// The functions that are served.
pub(crate) struct Functions {
    addressing: Addressing,
    routes: Arc<Routes>,
    serving: Mutex<BTreeMap<FunctionId, Arc<Fleet>>>,
}

impl Functions {
    /// Makes an empty table, whose functions are hosts of `domain`.
    pub(crate) fn new(domain: &str, addressing: Addressing) -> Self {
        Self {
            addressing,
            routes: Routes::new(Table::new(domain)),
            serving: Mutex::default(),
        }
    }

    /// Answers the gateway's side of it.
    pub(crate) fn routes(&self) -> &Arc<Routes> {
        &self.routes
    }

    /// Leads a function's requests to a fleet from now on. Answers the fleet that served before.
    pub(crate) fn lead_to(&self, fleet: &Arc<Fleet>) -> Option<Arc<Fleet>> {
        self.lead_all_to(std::slice::from_ref(fleet)).pop()
    }

    /// Leads the requests of many functions at once. Answers the fleets that served before.
    pub(crate) fn lead_all_to(&self, fleets: &[Arc<Fleet>]) -> Vec<Arc<Fleet>> {
        let mut serving = self.lock();
        let enter = |fleet: &Arc<Fleet>| serving.insert(fleet.revision().function.clone(), Arc::clone(fleet));
        let before = fleets.iter().filter_map(enter).collect();
        self.routes
            .update(|table| fleets.iter().for_each(|fleet| self.route(table, fleet)));
        before
    }

    fn route(&self, table: &mut Table, fleet: &Fleet) {
        let id = &fleet.revision().function;
        let target = Target::to(Arc::clone(fleet.door()));
        if self.addressing == Addressing::AtRoot(id.clone()) {
            table.at_root(Arc::clone(&target));
        }
        table.insert(&id.namespace, id.name.as_str(), target);
    }

    /// Takes a function out of service. Answers the fleet that served it.
    pub(crate) fn take(&self, id: &FunctionId) -> Option<Arc<Fleet>> {
        let mut serving = self.lock();
        let fleet = serving.remove(id)?;
        self.routes.update(|table| {
            table.remove(&id.namespace, id.name.as_str());
        });
        Some(fleet)
    }

    /// Answers the fleet that serves a function.
    pub(crate) fn get(&self, id: &FunctionId) -> Option<Arc<Fleet>> {
        self.lock().get(id).cloned()
    }

    /// Answers the fleets of `namespace`, or of all, by name.
    pub(crate) fn list(&self, namespace: Option<&Namespace>) -> Vec<Arc<Fleet>> {
        let of_namespace = |id: &FunctionId| namespace.is_none_or(|namespace| id.namespace == *namespace);
        self.lock()
            .iter()
            .filter(|(id, _)| of_namespace(id))
            .map(|(_, fleet)| Arc::clone(fleet))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<FunctionId, Arc<Fleet>>> {
        self.serving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
