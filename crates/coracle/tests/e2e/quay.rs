//! A registry behind a sluice that is shut, with an image whose large layer does not pass it.

use coracle_peers::registry::{Options, Registry};
use serde_json::json;

use crate::foreign::{Foreign, Place};
use crate::sluice::{Sluice, Way};

/// What passes of a connection: less than the large layer, more than everything else.
const SHUT: u64 = 256 << 10;

pub(crate) struct Quay {
    pub(crate) sluice: Sluice,
    _registry: Registry,
    _folder: tempfile::TempDir,
}

impl Quay {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::start(folder.path(), Options::default()).unwrap();
        let run = json!({"Entrypoint": ["/bin/start"], "Cmd": ["-p", "80"], "ExposedPorts": {"80/tcp": {}}});
        let place = Place {
            host: registry.host(),
            authorization: None,
        };
        Foreign::telling(run).push(&place, ("team/teller", "1"));
        Self {
            sluice: Sluice::shut_after(SHUT, Way::Down, registry.host()),
            _registry: registry,
            _folder: folder,
        }
    }

    /// Answers the image's name, through the sluice.
    pub(crate) fn image(&self) -> String {
        format!("{}/team/teller:1", self.sluice.host())
    }
}
