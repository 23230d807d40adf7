//! Files of the context, by the protocol of tonistiigi/fsutil (`send.go`):
//!
//! ```text
//! us        STAT a, STAT b, … , STAT without a file          what there is, numbered from 0 in this order
//! BuildKit  REQ 1 …                                          what of it BuildKit lacks
//! us        DATA 1 bytes …, DATA 1 without bytes
//! BuildKit  FIN
//! us        FIN
//! ```

use std::collections::{BTreeMap, HashMap};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bollard_buildkit_proto::fsutil::types::packet::PacketType;
use bollard_buildkit_proto::fsutil::types::{Packet, Stat};
use bollard_buildkit_proto::moby::filesync::packet::file_sync_server::FileSync;
use futures::stream::BoxStream;
use tokio::sync::mpsc;
use tonic::{Request, Response, Status, Streaming};

use super::asked::{folder, wanted};
use crate::context::{ContextError, Selection, Wanted, open, walk};

/// How many packets may wait to be sent.
const WAITING: usize = 64;
/// How many files may wait to be read.
const ASKED: usize = 1024;
/// How much of a file is sent at once, in bytes.
const PIECE: usize = 64 << 10;

type Packets = mpsc::Sender<Result<Packet, Status>>;

/// Sends files of folders.
pub(super) struct Files {
    folders: BTreeMap<&'static str, PathBuf>,
}

impl Files {
    pub(super) fn new(folders: BTreeMap<&'static str, PathBuf>) -> Self {
        Self { folders }
    }

    fn folder(&self, name: &str) -> Result<PathBuf, Status> {
        let folder = self.folders.get(name).cloned();
        folder.ok_or_else(|| Status::not_found(format!("this build has no folder `{name}`")))
    }
}

#[tonic::async_trait]
impl FileSync for Files {
    type DiffCopyStream = BoxStream<'static, Result<Packet, Status>>;
    type TarStreamStream = BoxStream<'static, Result<Packet, Status>>;

    async fn diff_copy(
        &self,
        request: Request<Streaming<Packet>>,
    ) -> Result<Response<Self::DiffCopyStream>, Status> {
        let folder = self.folder(&folder(request.metadata()))?;
        let wanted = wanted(request.metadata());
        let (packets, sent) = mpsc::channel(WAITING);
        let sending = Sending {
            folder,
            files: Arc::default(),
            packets,
        };
        let transfer = sending.run(wanted, request.into_inner());
        Ok(Response::new(super::stream::beside(transfer, sent)))
    }

    async fn tar_stream(
        &self,
        _request: Request<Streaming<Packet>>,
    ) -> Result<Response<Self::TarStreamStream>, Status> {
        Err(Status::unimplemented("it is asked for by nobody"))
    }
}

/// One transfer.
#[derive(Clone)]
struct Sending {
    folder: PathBuf,
    /// What may be asked for, until it is.
    files: Arc<Mutex<HashMap<u32, String>>>,
    packets: Packets,
}

impl Sending {
    /// Sends until BuildKit has all that it wants.
    async fn run(self, wanted: Wanted, asked: Streaming<Packet>) {
        let packets = self.packets.clone();
        if let Err(status) = self.transfer(wanted, asked).await {
            let _ = packets.send(Err(status)).await;
        }
    }

    async fn transfer(self, wanted: Wanted, asked: Streaming<Packet>) -> Result<(), Status> {
        let (queue, queued) = mpsc::channel(ASKED);
        let lister = self.clone();
        let reader = self.clone();
        let listing = blocking(move || lister.list(&wanted));
        let reading = blocking(move || reader.read_all(queued));
        tokio::try_join!(listing, reading, self.hear(asked, queue))?;
        self.say(PacketType::PacketFin, Packet::default()).await
    }

    /// Queues what BuildKit asks for until it has all.
    async fn hear(
        &self,
        mut asked: Streaming<Packet>,
        queue: mpsc::Sender<(u32, String)>,
    ) -> Result<(), Status> {
        while let Some(packet) = asked.message().await? {
            match packet.r#type() {
                PacketType::PacketReq => {
                    let path = self.take(packet.id)?;
                    // A reader that is gone has said why.
                    if queue.send((packet.id, path)).await.is_err() {
                        return Ok(());
                    }
                }
                PacketType::PacketFin => return Ok(()),
                PacketType::PacketErr => {
                    return Err(Status::aborted(
                        String::from_utf8_lossy(&packet.data).into_owned(),
                    ));
                }
                PacketType::PacketStat | PacketType::PacketData => {}
            }
        }
        Err(Status::aborted("BuildKit broke off"))
    }

    fn take(&self, id: u32) -> Result<String, Status> {
        let path = self.files().remove(&id);
        path.ok_or_else(|| Status::invalid_argument(format!("there is no file {id} to ask for")))
    }

    fn files(&self) -> std::sync::MutexGuard<'_, HashMap<u32, String>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn say(&self, kind: PacketType, packet: Packet) -> Result<(), Status> {
        let packet = Packet {
            r#type: kind.into(),
            ..packet
        };
        let sent = self.packets.send(Ok(packet)).await;
        sent.map_err(|_| Status::cancelled("BuildKit broke off"))
    }

    /// Tells what there is.
    fn list(&self, wanted: &Wanted) -> Result<(), ContextError> {
        let selection = Selection::of(&self.folder, wanted)?;
        let mut id = 0;
        walk(&self.folder, &selection, &mut |stat, has_contents| {
            if has_contents {
                self.files().insert(id, stat.path.clone());
            }
            id += 1;
            self.tell(Some(stat))
        })?;
        self.tell(None)
    }

    fn tell(&self, stat: Option<Stat>) -> Result<(), ContextError> {
        self.push(
            PacketType::PacketStat,
            Packet {
                stat,
                ..Packet::default()
            },
        )
    }

    fn read_all(&self, mut queued: mpsc::Receiver<(u32, String)>) -> Result<(), ContextError> {
        while let Some((id, path)) = queued.blocking_recv() {
            self.read(id, &path)?;
        }
        Ok(())
    }

    /// Sends a file. One that is gone by now is sent as an empty one.
    fn read(&self, id: u32, path: &str) -> Result<(), ContextError> {
        let data = |data| Packet {
            id,
            data,
            ..Packet::default()
        };
        if let Some(mut file) = present(&self.folder, path)? {
            let mut piece = vec![0; PIECE];
            loop {
                match file.read(&mut piece)? {
                    0 => break,
                    count => self.push(PacketType::PacketData, data(piece[..count].to_vec()))?,
                }
            }
        }
        self.push(PacketType::PacketData, data(Vec::new()))
    }

    fn push(&self, kind: PacketType, packet: Packet) -> Result<(), ContextError> {
        let packet = Packet {
            r#type: kind.into(),
            ..packet
        };
        self.packets
            .blocking_send(Ok(packet))
            .map_err(|_| ContextError::Closed)
    }
}

fn present(folder: &Path, path: &str) -> std::io::Result<Option<std::fs::File>> {
    match open(folder, path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some),
    }
}

/// Does what blocks where that is fine.
async fn blocking(work: impl FnOnce() -> Result<(), ContextError> + Send + 'static) -> Result<(), Status> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Status::aborted(crate::error::sentence(&error))),
        Err(error) => Err(Status::internal(error.to_string())),
    }
}
