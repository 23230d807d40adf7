//! Starting a keeper, and finding one.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use super::KeeperConfig;
use super::link::KeeperError;

/// Starts a keeper; answers the connection to it.
///
/// The process started ends at once, and the keeper is its child: so it is nobody's business to wait for the keeper, and
/// it outlives its server.
pub(super) async fn start(config: &KeeperConfig) -> Result<OwnedFd, KeeperError> {
    let (ours, theirs) = UnixStream::pair().map_err(KeeperError::Start)?;
    let mut command = Command::new(&config.program);
    command
        .args(&config.arguments)
        .arg(&config.run_directory)
        .arg(config.lease.as_millis().to_string())
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let run = move || command.status();
    let status = tokio::task::spawn_blocking(run).await.map_err(io::Error::from);
    let status = status.and_then(|status| status).map_err(KeeperError::Start)?;
    if status.success() {
        Ok(ours.into())
    } else {
        Err(KeeperError::NotAKeeper(status))
    }
}

/// Answers a connection to a keeper that listens already, if there is one.
pub(super) async fn find(config: &KeeperConfig) -> Result<Option<OwnedFd>, KeeperError> {
    match tokio::net::UnixStream::connect(config.run_directory.join("keeper.sock")).await {
        Ok(stream) => Ok(Some(stream.into_std().map_err(KeeperError::Connect)?.into())),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(KeeperError::Connect(error)),
    }
}
