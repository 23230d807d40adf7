//! What every use case needs, in one place.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use coracle_content::Store;
use coracle_sandbox::Sandboxes;
use coracle_tasks::Tasks;

use crate::fleets::Fleets;
use crate::journal::Journal;
use crate::pull::Puller;
use crate::secrets::Secrets;
use crate::spares::Spares;

/// The platform's collaborators and settings, shared by all of its parts.
pub(crate) struct Services {
    /// Makes sandboxes.
    pub(crate) sandboxes: Arc<dyn Sandboxes>,
    /// Keeps images.
    pub(crate) store: Store,
    /// Brings others' images.
    pub(crate) puller: Arc<dyn Puller>,
    /// Keeps secrets.
    pub(crate) secrets: Secrets,
    /// Keeps what instances print and what happens to them.
    pub(crate) journal: Journal,
    /// Runs what runs in the background.
    pub(crate) tasks: Tasks,
    /// The revisions that have instances.
    pub(crate) fleets: Fleets,
    /// Sandboxes that wait to be started.
    pub(crate) spares: Spares,
    /// Variables of every instance, unless the image or the revision says otherwise.
    pub(crate) environment: BTreeMap<String, String>,
    /// How long an instance may take to end, once it was asked to.
    pub(crate) stop_grace: Duration,
    /// How long a draining instance may take to finish its requests.
    pub(crate) drain_grace: Duration,
}
