//! A folder to build, a store for the image, and somebody who listens.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use coracle_build::{CommandNetwork, Event, Observer, Pull, Reuse};
use coracle_buildkit::{Anonymous, BuildKit, Logins, Place, Solve, SolveError, Solved};
use coracle_content::Store;
use coracle_oci::Image;
use coracle_peers::buildkit::{BuildKit as Daemon, Programs};
use coracle_peers::checked;
use coracle_tasks::{CancellationToken, Tasks};
use tokio::sync::Notify;

pub(crate) struct World {
    pub(crate) root: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) heard: Arc<Heard>,
    pub(crate) cancel: CancellationToken,
    pub(crate) tasks: Tasks,
    pub(crate) logins: Arc<dyn Logins>,
}

impl World {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs_err::create_dir(root.path().join("source")).unwrap();
        Self {
            store: Store::open(&root.path().join("store")).unwrap(),
            heard: Arc::default(),
            cancel: CancellationToken::new(),
            tasks: Tasks::new(),
            logins: Arc::new(Anonymous),
            root,
        }
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.root.path().join("source")
    }

    /// Writes a file of the folder, whose name may have folders in it.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.source().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    /// Copies this machine's shell, and what it needs, into the folder `shell`, for images that run something.
    pub(crate) fn write_shell(&self) {
        for program in ["/bin/sh", "/bin/cat", "/bin/sleep"] {
            let needs = checked(Command::new("ldd").arg(program)).unwrap();
            let paths = needs.split_whitespace().filter(|word| word.starts_with('/'));
            for path in paths.chain([program]) {
                let to = self.source().join("shell").join(path.trim_start_matches('/'));
                fs_err::create_dir_all(to.parent().unwrap()).unwrap();
                fs_err::copy(path, to).unwrap();
            }
        }
    }

    /// Answers a build of the folder with this Dockerfile.
    pub(crate) fn solve(&self, dockerfile: &str) -> Solve {
        self.write("Dockerfile", dockerfile);
        Solve {
            context: self.source(),
            dockerfile: self.source().join("Dockerfile"),
            target: None,
            args: BTreeMap::new(),
            secrets: BTreeMap::new(),
            labels: BTreeMap::new(),
            platforms: Vec::new(),
            reuse: Reuse::default(),
            pull: Pull::default(),
            network: CommandNetwork::default(),
        }
    }

    pub(crate) async fn build(&self, place: &Place, solve: &Solve) -> Result<Solved, SolveError> {
        let logins = Arc::clone(&self.logins);
        let buildkit = BuildKit::new(place.clone(), self.store.clone(), logins, self.tasks.clone());
        let heard = Arc::clone(&self.heard) as Arc<dyn Observer>;
        buildkit.solve(solve, heard, &self.cancel).await
    }

    /// Answers what a path of an image holds: its highest layer that has it decides.
    pub(crate) fn read(&self, image: &Image, path: &str) -> Option<String> {
        let layers = image.layers.iter().rev();
        let mut found = layers.filter_map(|layer| {
            let tree = coracle_oci::unpack(&self.store, layer).unwrap();
            fs_err::read_to_string(tree.path().join(path)).ok()
        });
        found.next()
    }
}

/// Answers a place without certificates.
pub(crate) fn place(address: &str) -> Place {
    Place {
        address: address.parse().unwrap(),
        certificates: None,
    }
}

/// Starts a BuildKit, and answers where it is.
pub(crate) fn daemon(scratch: &Path) -> (Daemon, Place) {
    let daemon = Daemon::start(Programs::pinned().unwrap(), scratch).unwrap();
    let place = socket(daemon.socket());
    (daemon, place)
}

pub(crate) fn socket(path: &Path) -> Place {
    place(&format!("unix://{}", path.display()))
}

/// What was told of a build.
#[derive(Default)]
pub(crate) struct Heard {
    said: Mutex<Vec<String>>,
    more: Notify,
}

impl Heard {
    pub(crate) fn all(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    /// Waits until something with `text` in it was told.
    pub(crate) async fn until(&self, text: &str) {
        while !self.all().iter().any(|said| said.contains(text)) {
            self.more.notified().await;
        }
    }
}

impl Observer for Heard {
    fn event(&self, event: Event<'_>) {
        let said = match event {
            Event::Started { name, .. } => format!("start {name}"),
            Event::Line { text, .. } => format!("line {text}"),
            Event::Finished { cached: true, .. } => "cached".to_owned(),
            Event::Failed { .. } => "failed".to_owned(),
            Event::Warning { text } => format!("warning {text}"),
            Event::Built { digest } => format!("built {digest}"),
            Event::Planned { .. } | Event::Transferred { .. } | Event::Finished { .. } => return,
        };
        self.said.lock().unwrap().push(said);
        self.more.notify_one();
    }
}
