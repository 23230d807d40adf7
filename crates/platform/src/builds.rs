//! Building on the server: an archive of sources becomes an image in the store.
//!
//! A few at a time: a build takes what the machine has, and whoever comes when all places are taken is told so rather
//! than kept waiting with an upload.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use coracle_build::{BuildError, Builder, Built, DockerfileOptions, Locking, LogTail, Observer, Request};
use coracle_content::{Scratch, Store, StoreError};
use coracle_oci::{Image, SourceError, UnpackLimits, unpack_source};
use coracle_plan::{Arch, Target};
use coracle_spec::manifest::{FILE_NAME, ManifestError, name_of_folder};
use coracle_spec::{ByteSize, Class, Failure, Manifest};
use coracle_tasks::CancellationToken;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::platform::Platform;

/// The most builds that run at once.
const MOST: usize = 2;
/// How much an archive of sources may hold.
const LIMITS: UnpackLimits = UnpackLimits {
    entries: 200_000,
    bytes: ByteSize::mebibytes(2 << 10),
};
/// The project's lock file.
const LOCK: &str = coracle_plan::lock::FILE_NAME;

/// Builds images of sources that are sent. Cheap to clone.
#[derive(Clone)]
pub struct Builds {
    builder: Builder,
    store: Store,
    places: Arc<Semaphore>,
}

impl fmt::Debug for Builds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builds").finish_non_exhaustive()
    }
}

/// A place among the builds that run, given back when dropped.
pub struct BuildPlace {
    builds: Builds,
    _permit: OwnedSemaphorePermit,
}

/// Sources that were sent.
#[derive(Debug)]
pub struct SourceArchive {
    /// The archive: a tar, plain or compressed by gzip or zstd.
    pub file: PathBuf,
    /// The folder that the archive is in, to be gone with it.
    pub scratch: Scratch,
    /// The name of the source folder.
    pub folder: String,
    /// Whether it is an error if the lock file would change.
    pub locking: Locking,
}

/// An image that was built of sources that were sent.
#[derive(Debug, Clone)]
pub struct BuiltSource {
    /// The image, in the store.
    pub image: Image,
    /// The text of the lock file, when the build changed it.
    pub lock: Option<String>,
}

/// Why no image was built of sources that were sent.
#[derive(Debug, thiserror::Error)]
pub enum SourceBuildError {
    /// All places are taken.
    #[error("{MOST} builds run already")]
    Busy,
    /// The archive cannot be unpacked.
    #[error("cannot unpack the source")]
    Unpack(#[from] SourceError),
    /// The source cannot be read or written.
    #[error("cannot keep the source")]
    Keep(#[from] io::Error),
    /// The store refused.
    #[error("cannot use the content store")]
    Store(#[from] StoreError),
    /// The manifest makes no sense.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Images for this kind of processor cannot be built.
    #[error("no images can be built on `{0}`: only on amd64 and arm64")]
    Architecture(&'static str),
    /// The build failed.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The platform ends.
    #[error("the platform is shutting down")]
    Stopping,
}

impl SourceBuildError {
    /// Answers what the failing step printed last.
    pub fn log(&self) -> Option<&LogTail> {
        match self {
            Self::Build(error) => error.log(),
            _ => None,
        }
    }
}

impl Failure for SourceBuildError {
    fn class(&self) -> Class {
        match self {
            Self::Busy => Class::Busy,
            Self::Unpack(error) => error.class(),
            Self::Keep(error) if error.kind() == io::ErrorKind::StorageFull => Class::Busy,
            Self::Keep(_) | Self::Architecture(_) => Class::Internal,
            Self::Store(error) => error.class(),
            Self::Manifest(error) => error.class(),
            Self::Build(error) => error.class(),
            Self::Stopping => Class::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Busy => Some("try again when one of them has ended".to_owned()),
            Self::Unpack(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Manifest(error) => error.hint(),
            Self::Build(error) => error.hint(),
            Self::Keep(_) | Self::Architecture(_) | Self::Stopping => None,
        }
    }
}

impl Builds {
    /// Builds with `builder`, into its own store.
    pub fn new(builder: Builder, store: Store) -> Self {
        Self {
            builder,
            store,
            places: Arc::new(Semaphore::new(MOST)),
        }
    }

    /// Takes a place among the builds that run.
    pub fn place(&self) -> Result<BuildPlace, SourceBuildError> {
        let permit = Arc::clone(&self.places).try_acquire_owned();
        Ok(BuildPlace {
            builds: self.clone(),
            _permit: permit.map_err(|_| SourceBuildError::Busy)?,
        })
    }

    /// Answers a place for an archive on its way.
    pub fn scratch(&self) -> Result<Scratch, StoreError> {
        self.store.scratch()
    }
}

impl Platform {
    /// Begins to build the image of sources that were sent. It goes on when nobody waits for the answer; `cancel` ends
    /// it. No answer comes when the platform ends first.
    pub fn build_source(
        &self,
        place: BuildPlace,
        archive: SourceArchive,
        observer: Arc<dyn Observer>,
        cancel: CancellationToken,
    ) -> oneshot::Receiver<Result<BuiltSource, SourceBuildError>> {
        let name = format!("build {}", archive.folder);
        let building = async move { place.build(archive, observer, &cancel).await };
        self.to_its_end(name, building)
    }
}

impl BuildPlace {
    async fn build(
        self,
        archive: SourceArchive,
        observer: Arc<dyn Observer>,
        cancel: &CancellationToken,
    ) -> Result<BuiltSource, SourceBuildError> {
        let unpacked = tokio::task::spawn_blocking(move || Source::unpack(archive));
        let source = unpacked
            .await
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        let built: Built = self
            .builds
            .builder
            .build(&source.request, observer, cancel)
            .await?;
        Ok(BuiltSource {
            image: built.image,
            lock: source.changed_lock(),
        })
    }
}

/// Sources on disk, gone when dropped.
struct Source {
    request: Request,
    lock: Option<String>,
    _scratch: Scratch,
}

impl Source {
    fn unpack(archive: SourceArchive) -> Result<Self, SourceBuildError> {
        let folder = archive.scratch.path().join("source");
        fs_err::create_dir(&folder)?;
        unpack_source(fs_err::File::open(&archive.file)?, &folder, &LIMITS)?;
        fs_err::remove_file(&archive.file)?;
        let manifest = manifest(&folder, &archive.folder)?;
        Ok(Self {
            lock: read(&folder.join(LOCK)),
            request: Request {
                folder,
                manifest,
                target: Target::native(own_arch()?),
                others: Vec::new(),
                locking: archive.locking,
                dockerfile: DockerfileOptions::default(),
                tenant: None,
            },
            _scratch: archive.scratch,
        })
    }

    fn changed_lock(&self) -> Option<String> {
        read(&self.request.folder.join(LOCK)).filter(|lock| Some(lock) != self.lock.as_ref())
    }
}

fn manifest(folder: &Path, name: &str) -> Result<Manifest, SourceBuildError> {
    let name = name_of_folder(name);
    match read(&folder.join(FILE_NAME)) {
        Some(text) => Ok(Manifest::parse(&text, FILE_NAME, &name)?),
        None => Ok(Manifest::default_for(name)),
    }
}

/// Reads a text that was sent; a link is none, since it may lead elsewhere.
fn read(path: &Path) -> Option<String> {
    let is_file = fs_err::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
    is_file.then(|| fs_err::read_to_string(path).ok()).flatten()
}

/// Answers this machine's processors.
pub(crate) fn own_arch() -> Result<Arch, SourceBuildError> {
    match std::env::consts::ARCH {
        "x86_64" => Ok(Arch::Amd64),
        "aarch64" => Ok(Arch::Arm64),
        other => Err(SourceBuildError::Architecture(other)),
    }
}
