//! Coracle: a server that builds and has a registry.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::client::Client;
use super::template::{Folder, Kind};
use super::{Builder, memory};
use crate::program::{Coracle, Server};

pub(super) struct Ours {
    // Ended before what it keeps is removed.
    _server: Server,
    client: Client,
    data: PathBuf,
    folders: PathBuf,
}

impl Ours {
    pub(super) fn start(coracle: &Coracle, scratch: &Path, mirrors: &str) -> Result<Self> {
        let coracle = coracle.with_data(scratch.join("data"));
        let server = coracle.serve_with(0, &[("CORACLE_REGISTRY_MIRRORS", mirrors)])?;
        let secret = fs_err::read_to_string(coracle.data().join("auth/payload-secret"))?;
        let folders = scratch.join("ours");
        fs_err::create_dir_all(&folders)?;
        Ok(Self {
            client: Client {
                address: server.address(),
                secret: secret.trim().to_owned(),
            },
            data: coracle.data().to_owned(),
            folders,
            _server: server,
        })
    }
}

impl Builder for Ours {
    fn name(&self) -> &'static str {
        "coracle"
    }

    fn build(&self, kind: &Kind, client: usize) -> Result<()> {
        let folder = Folder::of(self.folders.join(client.to_string()), kind)?;
        folder.change()?;
        let image = format!("{}/team/function-{client}:latest", self.client.address);
        self.client.build(&folder, &image)
    }

    fn memory(&self) -> u64 {
        memory::of(|process| memory::was_started_with(process, &self.data))
    }
}
