//! A build on the server, shown as one here.

use std::path::Path;
use std::time::Duration;

use coracle_api::Client;
use coracle_api::client::{BuildEvents, ClientError};
use coracle_api::types::{BuildEvent, BuildQuery};
use coracle_plan::progress::{Event, Observer};
use coracle_plan::{StepId, lock};
use coracle_spec::{Class, Digest, Failure};

use crate::error::Error;
use crate::interrupt::{Interrupt, Interrupted};
use crate::pack;
use crate::printer::Printer;
use crate::progress::Progress;
use crate::project::Project;
use crate::upload;

/// The server stopped telling before the build was over.
#[derive(Debug, thiserror::Error)]
#[error("the server broke the build off")]
struct CutOff;

impl Failure for CutOff {
    fn class(&self) -> Class {
        Class::Unavailable
    }

    fn hint(&self) -> Option<String> {
        Some("the next build goes on from the steps that were finished".to_owned())
    }
}

/// The lock file that the server made cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `coracle.lock`")]
struct LockError(#[source] std::io::Error);

impl Failure for LockError {
    fn class(&self) -> Class {
        Class::User
    }
}

/// Builds on the server, and shows how it goes; the image is there afterwards. Ctrl-C ends the build.
pub(crate) async fn build(
    client: &Client,
    project: &Project,
    manifest: Option<&Path>,
    printer: Printer,
) -> Result<Digest, Error> {
    let mut interrupt = Interrupt::listen()?;
    let building = async {
        let events = begin(client, project, manifest).await?;
        follow(events, project, printer).await
    };
    tokio::select! {
        result = building => result,
        () = interrupt.next() => Err(Interrupted.into()),
    }
}

async fn begin(client: &Client, project: &Project, manifest: Option<&Path>) -> Result<BuildEvents, Error> {
    let archive = pack::pack(&project.folder, manifest)?;
    let size = archive.metadata().map_err(pack::PackError::from)?.len();
    let query = BuildQuery {
        folder: project.manifest.name.to_string(),
        locked: project.locked,
    };
    let body = upload::body_of(archive);
    Ok(client.build(&query, size, body).await?)
}

async fn follow(mut events: BuildEvents, project: &Project, printer: Printer) -> Result<Digest, Error> {
    let progress = Progress::start(printer);
    let outcome = outcome(&mut events, &*progress.observer()).await;
    progress.finish();
    match outcome? {
        Outcome::Built { image, lock } => {
            if let Some(lock) = lock {
                keep(&project.folder, &lock)?;
            }
            Ok(image)
        }
        Outcome::Failed { error, log } => {
            let shown = !printer.is_live() && !printer.is_quiet();
            if !shown && !log.is_empty() {
                printer.insist(log.join("\n"));
            }
            Err(ClientError::Problem(Box::new(error)).into())
        }
    }
}

/// How a build ended.
enum Outcome {
    Built {
        image: Digest,
        lock: Option<String>,
    },
    Failed {
        error: coracle_api::types::Problem,
        log: Vec<String>,
    },
}

async fn outcome(events: &mut BuildEvents, observer: &dyn Observer) -> Result<Outcome, Error> {
    while let Some(event) = events.next().await? {
        match event {
            BuildEvent::Built { image, lock } => return Ok(Outcome::Built { image, lock }),
            BuildEvent::Problem { error, log } => return Ok(Outcome::Failed { error, log }),
            event => show(&event, observer),
        }
    }
    Err(CutOff.into())
}

/// Writes the lock file that the server made, in one piece.
fn keep(folder: &Path, text: &str) -> Result<(), LockError> {
    let write = || {
        let file = tempfile::Builder::new()
            .prefix(".coracle.lock.")
            .tempfile_in(folder)?;
        fs_err::write(file.path(), text)?;
        readable(file.path())?;
        file.persist(folder.join(lock::FILE_NAME))
            .map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(LockError)
}

#[cfg(unix)]
fn readable(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs_err::set_permissions(file, std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &Path) -> std::io::Result<()> {
    Ok(())
}

fn show(event: &BuildEvent, observer: &dyn Observer) {
    let id = |step: &str| StepId::new(step);
    match event {
        BuildEvent::Planned { steps } => observer.event(Event::Planned { steps: *steps }),
        BuildEvent::Warning { text } => observer.event(Event::Warning { text }),
        BuildEvent::Started { step, name } => observer.event(Event::Started {
            step: &id(step),
            name,
        }),
        BuildEvent::Line { step, text } => observer.event(Event::Line {
            step: &id(step),
            text,
        }),
        BuildEvent::Transferred {
            step,
            what,
            done,
            total,
        } => observer.event(Event::Transferred {
            step: &id(step),
            what,
            done: *done,
            total: *total,
        }),
        BuildEvent::Finished { step, cached, ms } => observer.event(Event::Finished {
            step: &id(step),
            cached: *cached,
            duration: Duration::from_millis(*ms),
        }),
        BuildEvent::Failed { step, ms } => observer.event(Event::Failed {
            step: &id(step),
            duration: Duration::from_millis(*ms),
        }),
        BuildEvent::Built { .. } | BuildEvent::Problem { .. } => {}
    }
}
