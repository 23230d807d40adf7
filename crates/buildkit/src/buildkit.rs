//! What callers hold: builds at one BuildKit.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard_buildkit_proto::moby::buildkit::v1::{Exporter, SolveRequest, StatusRequest, StatusResponse};
use coracle_build::{Event, Observer};
use coracle_content::Store;
use coracle_oci::Image;
use coracle_tasks::{CancellationToken, Tasks};
use futures::{StreamExt as _, TryStreamExt as _};
use http_body_util::BodyExt as _;
use tokio::time::timeout;
use tonic::{Status, Streaming};

use crate::address::Server;
use crate::engine::Engine;
use crate::error::{Refusal, SolveError};
use crate::origin::Origin;
use crate::place::Place;
use crate::session::{Offer, Session, Taken, intake, take};
use crate::solve::{FRONTEND, Logins, Solve, Solved};
use crate::status::Board;
use crate::wire::Wire;

/// How long BuildKit may go on telling after a build's end.
const AFTERWARDS: Duration = Duration::from_secs(5);
/// How long what belongs to a build may take to end.
const GRACE: Duration = Duration::from_secs(2);
/// The longest build.
const LONGEST: Duration = Duration::from_hours(6);

/// Builds at one BuildKit.
pub struct BuildKit {
    place: Place,
    store: Store,
    logins: Arc<dyn Logins>,
    tasks: Tasks,
}

/// A way for the image from BuildKit to us.
enum Way {
    /// It hands the image over as an archive, in the session.
    Session,
    /// It keeps the image under this name, which we fetch it by: a Docker Engine of its own images only.
    Engine { engine: Engine, name: String },
}

impl BuildKit {
    /// Makes builds at `place` that put images into `store`, as whom `logins` says. Nothing is connected yet.
    pub fn new(place: Place, store: Store, logins: Arc<dyn Logins>, tasks: Tasks) -> Self {
        Self {
            place,
            store,
            logins,
            tasks,
        }
    }

    /// Builds.
    ///
    /// Ends soon after `cancel` is cancelled, and then the build at BuildKit ends, too. A failed build leaves no image.
    pub async fn solve(
        &self,
        solve: &Solve,
        observer: Arc<dyn Observer>,
        cancel: &CancellationToken,
    ) -> Result<Solved, SolveError> {
        let since = Instant::now();
        let tasks = self.tasks.group();
        let building = timeout(LONGEST, self.build(solve, observer, &tasks));
        let result = match cancel.run_until_cancelled(building).await {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(SolveError::Late(LONGEST)),
            None => Err(SolveError::Cancelled),
        };
        tasks.shutdown(GRACE).await;
        result.map(|solved| Solved {
            duration: since.elapsed(),
            ..solved
        })
    }

    async fn build(
        &self,
        solve: &Solve,
        observer: Arc<dyn Observer>,
        tasks: &Tasks,
    ) -> Result<Solved, SolveError> {
        for folder in solve.folders().values() {
            is_folder(folder)?;
        }
        let store = self.store.held()?;
        let mut build = self.begin(solve, &store, tasks).await?;
        let mut board = Board::new(Arc::clone(&observer));
        if let Err(status) = build.run(solve, &mut board).await {
            return Err(build.failed(&status, &board));
        }
        let images = build.images(store.clone()).await?;
        let lease = store.lease()?;
        for image in &images {
            lease.keep(&image.manifest)?;
            let digest = &image.manifest;
            observer.event(Event::Built { digest });
        }
        Ok(Solved {
            images,
            steps: board.report(),
            duration: Duration::ZERO,
            lease: Arc::new(lease),
        })
    }

    /// Connects and opens the session.
    async fn begin(&self, solve: &Solve, store: &Store, tasks: &Tasks) -> Result<Build, SolveError> {
        let mut wire = Wire::connect(&self.place, tasks).await?;
        let (intake, taken) = intake(store.clone());
        let offer = Offer {
            folders: solve.folders(),
            secrets: solve.secrets.clone(),
            logins: Arc::clone(&self.logins),
        };
        let session = Session::new(offer, intake, tasks.clone());
        let id = session.id.clone();
        let stream = wire.open(&session).await?;
        session.serve(stream);
        let name = format!("coracle.invalid/build:{}", crate::id::random());
        let way = match self.place.address.server {
            Server::BuildKit => Way::Session,
            Server::Docker => Way::Engine {
                engine: Engine::new(self.place.clone(), tasks.clone()),
                name,
            },
        };
        Ok(Build {
            wire,
            session: id,
            way,
            taken,
        })
    }
}

fn is_folder(path: &Path) -> Result<(), SolveError> {
    if path.is_dir() {
        Ok(())
    } else {
        Err(SolveError::NotAFolder(path.to_owned()))
    }
}

/// One build.
struct Build {
    wire: Wire,
    session: String,
    way: Way,
    taken: Taken,
}

impl Build {
    /// Lets BuildKit build, and tells `board` how that goes.
    async fn run(&self, solve: &Solve, board: &mut Board) -> Result<(), Status> {
        let request = self.request(solve);
        let status = StatusRequest {
            r#ref: request.r#ref.clone(),
        };
        let (mut control, mut watching) = (self.wire.control.clone(), self.wire.control.clone());
        let watching = async {
            match watching.status(status).await {
                Ok(told) => watch(told.into_inner(), board).await,
                Err(error) => tracing::debug!(%error, "BuildKit does not tell how the build goes"),
            }
        };
        tokio::pin!(watching);
        let solving = control.solve(request);
        tokio::pin!(solving);
        tokio::select! {
            result = &mut solving => {
                let _ = timeout(AFTERWARDS, watching).await;
                result
            }
            // It tells no more; what comes of it is said by the call itself.
            () = &mut watching => solving.await,
        }
        .map(drop)
    }

    /// Answers why the build failed: because of us, if we did not take the image.
    fn failed(&mut self, status: &Status, board: &Board) -> SolveError {
        if let Ok(Err(error)) = self.taken.try_recv() {
            return SolveError::Import(error);
        }
        SolveError::Failed {
            origin: Origin::of(status),
            source: Box::new(Refusal::of(status)),
            log: board.log(),
        }
    }

    /// Names the exporter twice: older daemons know only the field that newer ones call deprecated.
    fn request(&self, solve: &Solve) -> SolveRequest {
        let (exporter, attributes) = self.way.exporter();
        SolveRequest {
            r#ref: crate::id::random(),
            session: self.session.clone(),
            frontend: FRONTEND.to_owned(),
            frontend_attrs: solve.attributes(),
            exporters: vec![Exporter {
                r#type: exporter.to_owned(),
                attrs: attributes.clone(),
            }],
            exporter_deprecated: exporter.to_owned(),
            exporter_attrs_deprecated: attributes,
            ..SolveRequest::default()
        }
    }

    /// Answers the images, which are in the store then.
    async fn images(self, store: Store) -> Result<Vec<Image>, SolveError> {
        match self.way {
            Way::Session => match timeout(AFTERWARDS, self.taken).await {
                Ok(Ok(taken)) => Ok(taken?),
                Ok(Err(_)) | Err(_) => Err(SolveError::NoImage),
            },
            Way::Engine { engine, name } => {
                let images = fetched(&engine, &name, store).await;
                if let Err(error) = engine.remove(&name).await {
                    tracing::warn!(%error, %name, "the Docker Engine keeps the image");
                }
                images
            }
        }
    }
}

impl Way {
    /// Answers which exporter does it, and what that is told (BuildKit, `README.md`, "Output").
    fn exporter(&self) -> (&'static str, HashMap<String, String>) {
        let attributes = |pairs: &[(&str, &str)]| {
            let owned = pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            owned.collect()
        };
        match self {
            Self::Session => ("oci", attributes(&[("tar", "true"), ("oci-mediatypes", "true")])),
            Self::Engine { name, .. } => ("moby", attributes(&[("name", name)])),
        }
    }
}

async fn fetched(engine: &Engine, name: &str, store: Store) -> Result<Vec<Image>, SolveError> {
    let body = engine.save(name).await?;
    let pieces = body.into_data_stream().map_err(std::io::Error::other).boxed();
    Ok(take(store, pieces).await?)
}

async fn watch(mut told: Streaming<StatusResponse>, board: &mut Board) {
    loop {
        match told.message().await {
            Ok(Some(told)) => board.take(&told),
            Ok(None) => return,
            Err(error) => {
                tracing::debug!(%error, "BuildKit tells no more of the build");
                return;
            }
        }
    }
}
