//! Looking: which functions there are, and how they do.

mod condition;
mod detail;

use std::sync::Arc;

use coracle_spec::{FunctionId, Namespace};

pub use condition::{Condition, Standing};
pub use detail::{FunctionDetail, Happened, ImageDetail, InstanceDetail, QueueDetail};

use crate::fleet::Fleet;
use crate::platform::Platform;
use crate::records::{RecordError, RevisionRecord};
use crate::revision::Revision;

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

    /// Lists a function's revisions, newest first.
    pub async fn revisions(&self, id: &FunctionId) -> Result<Vec<RevisionRecord>, RecordError> {
        let serving = self.functions().get(id).map(|fleet| fleet.revision().number);
        self.records().revisions(id, serving).await
    }
}
