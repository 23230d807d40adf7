//! A builder of contexts that does what their Dockerfile says, a word a line, and nothing else.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use coracle_content::Store;
use coracle_platform::{
    BuildEvent, ContextBuild, ContextBuilder, ContextImage, Observer, SharedFailure, Tenant,
};
use coracle_spec::{Class, Digest, Failure};
use coracle_tasks::CancellationToken;
use tokio::sync::{Semaphore, watch};

use crate::world::image;

/// Does what Dockerfiles say.
pub(crate) struct Fake {
    image: Digest,
    /// A place for each build that waits.
    pub(crate) go: Semaphore,
    /// How many builds wait, or have waited.
    pub(crate) waiting: watch::Sender<usize>,
    /// How many were cancelled while they waited.
    pub(crate) cancelled: watch::Sender<usize>,
    /// Whose builds there were.
    pub(crate) tenants: Mutex<BTreeSet<Tenant>>,
}

#[derive(Debug, thiserror::Error)]
#[error("`RUN false` failed")]
struct Trouble(Class, #[source] Cause);

#[derive(Debug, thiserror::Error)]
#[error("it exited with code 1")]
struct Cause;

impl Failure for Trouble {
    fn class(&self) -> Class {
        self.0
    }
}

impl Fake {
    pub(crate) fn new(store: &Store) -> Arc<Self> {
        Arc::new(Self {
            image: image(store),
            go: Semaphore::new(0),
            waiting: watch::Sender::new(0),
            cancelled: watch::Sender::new(0),
            tenants: Mutex::default(),
        })
    }

    async fn wait(&self, cancel: &CancellationToken) -> Result<(), SharedFailure> {
        self.waiting.send_modify(|count| *count += 1);
        tokio::select! {
            permit = self.go.acquire() => {
                permit.unwrap().forget();
                Ok(())
            }
            () = cancel.cancelled() => {
                self.cancelled.send_modify(|count| *count += 1);
                Err(Arc::new(Trouble(Class::Unavailable, Cause)))
            }
        }
    }
}

#[async_trait]
impl ContextBuilder for Fake {
    async fn build(
        &self,
        context: ContextBuild,
        observer: Arc<dyn Observer>,
        cancel: &CancellationToken,
    ) -> Result<ContextImage, SharedFailure> {
        self.tenants.lock().unwrap().insert(context.tenant.clone());
        let say = |text: &str| {
            observer.event(BuildEvent::Line {
                step: &"1".into(),
                text,
            });
        };
        let dockerfile = fs_err::read_to_string(context.folder.join("Dockerfile")).unwrap();
        for line in dockerfile.lines() {
            match line {
                "args" => say(&format!("{:?}", context.args)),
                "platforms" => say(&format!("{:?}", context.platforms)),
                "secrets" => say(&format!("{:?}", context.secrets)),
                "flood" => say(&"\u{1}".repeat(200_000)),
                "list" => files(&context.folder).iter().for_each(|file| say(file)),
                "fail" => return Err(Arc::new(Trouble(Class::User, Cause))),
                "break" => return Err(Arc::new(Trouble(Class::Internal, Cause))),
                "panic" => panic!("a defect"),
                "wait" => self.wait(cancel).await?,
                text => say(text),
            }
        }
        Ok(ContextImage {
            digest: self.image,
            lease: None,
        })
    }
}

/// Answers the files below a folder by their paths in it, in order.
fn files(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            files.extend(self::files(&path).iter().map(|below| format!("{name}/{below}")));
        } else {
            files.push(name);
        }
    }
    files.sort();
    files
}
