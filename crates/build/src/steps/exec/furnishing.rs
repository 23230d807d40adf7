//! What a command finds beside its root: mounts, secrets, its script, and the way out.

use std::collections::BTreeMap;
use std::path::PathBuf;

use coracle_content::{Guard, Scratch};
use coracle_plan::{Exec, Mount, MountKind};
use coracle_sandbox::{Bind, Made, MadeKind, PlacedFile};
use coracle_spec::ByteSize;
use coracle_spec::revision::Network;

use super::super::run::{RunError, Workshop};
use super::HOST_NAME;

/// Where a command finds the host's certificate authorities: at no path of any image's own.
const CA_BUNDLE: &str = "/run/coracle/ca-certificates.crt";

/// Whose tree a mount shows: trees of layers from the lowest, and what holds a tree that was made for it.
#[derive(Default)]
pub(crate) struct Trees {
    pub(crate) lowers: Vec<PathBuf>,
    pub(crate) made: Option<Scratch>,
}

/// What a command finds beside its root, held for as long as it runs.
#[derive(Default)]
pub(super) struct Furniture {
    pub(super) env: BTreeMap<String, String>,
    pub(super) binds: Vec<Bind>,
    pub(super) made: Vec<Made>,
    pub(super) files: Vec<PlacedFile>,
    pub(super) scratches: Vec<Scratch>,
    pub(super) locks: Vec<Guard>,
}

impl Furniture {
    /// Answers where something appears.
    pub(super) fn targets(&self) -> Vec<PathBuf> {
        let binds = self.binds.iter().map(|bind| bind.target.clone());
        let made = self.made.iter().map(|made| made.target.clone());
        let files = self.files.iter().map(|file| file.path.clone());
        // The sandbox's own way out brings it.
        let resolver = PathBuf::from("/etc/resolv.conf");
        binds.chain(made).chain(files).chain([resolver]).collect()
    }

    fn file(&mut self, path: &str, mode: u32, contents: impl Into<Vec<u8>>) {
        self.files.push(PlacedFile {
            path: path.into(),
            mode,
            owner: Some((0, 0)),
            contents: contents.into(),
        });
    }
}

impl Workshop<'_> {
    /// Puts together what the command finds; waits for the caches that it must have for itself.
    pub(super) async fn furnish(&self, exec: &Exec, mounted: Vec<Trees>) -> Result<Furniture, RunError> {
        let mut furniture = Furniture::default();
        furniture.file(
            "/etc/hosts",
            0o644,
            format!("127.0.0.1\tlocalhost {HOST_NAME}\n::1\tlocalhost ip6-localhost ip6-loopback\n"),
        );
        if let Some(script) = &exec.script {
            furniture.file(&script.path, 0o755, script.contents.clone());
        }
        if exec.network == Network::Egress {
            self.way_out(&mut furniture);
        }
        for (mount, trees) in exec.mounts.iter().zip(mounted) {
            self.mount(exec, mount, trees, &mut furniture).await?;
        }
        Ok(furniture)
    }

    fn way_out(&self, furniture: &mut Furniture) {
        for (name, value) in &self.surroundings.proxies {
            furniture.env.insert(name.clone(), value.clone());
            furniture.env.insert(name.to_lowercase(), value.clone());
        }
        if let Some(bundle) = &self.surroundings.own_bundle {
            furniture.binds.push(Bind {
                source: bundle.clone(),
                target: CA_BUNDLE.into(),
                read_only: true,
            });
            let names = crate::surroundings::CA_VARIABLES;
            let variables = names.map(|name| (name.to_owned(), CA_BUNDLE.to_owned()));
            furniture.env.extend(variables);
        }
    }

    async fn mount(
        &self,
        exec: &Exec,
        mount: &Mount,
        trees: Trees,
        furniture: &mut Furniture,
    ) -> Result<(), RunError> {
        let target = PathBuf::from(&mount.target);
        let kind = match &mount.kind {
            MountKind::Bind { path, writable, .. } => self.bind(path, *writable, trees, furniture)?,
            MountKind::Tmpfs { size } => MadeKind::Memory {
                size: size.map(ByteSize::of_bytes),
            },
            MountKind::Cache { .. } => return self.cache(mount, trees, furniture).await,
            MountKind::Secret { .. } => return self.secret(exec, mount, furniture),
        };
        furniture.made.push(Made { target, kind });
        Ok(())
    }

    fn bind(
        &self,
        path: &str,
        writable: bool,
        trees: Trees,
        furniture: &mut Furniture,
    ) -> Result<MadeKind, RunError> {
        let Trees { mut lowers, made } = trees;
        furniture.scratches.extend(made);
        if lowers.is_empty() {
            let empty = self.store.scratch()?;
            lowers.push(empty.path().to_owned());
            furniture.scratches.push(empty);
        }
        let mut changes = None;
        if writable {
            let scratch = self.store.scratch()?;
            changes = Some(scratch.path().to_owned());
            furniture.scratches.push(scratch);
        }
        Ok(MadeKind::Layered {
            lowers,
            path: PathBuf::from("/").join(path.trim_start_matches('/')),
            changes,
        })
    }

    /// A secret is a file in memory, or a variable of the command's environment.
    fn secret(&self, exec: &Exec, mount: &Mount, furniture: &mut Furniture) -> Result<(), RunError> {
        let MountKind::Secret {
            id,
            required,
            file,
            env,
            mode,
            uid,
            gid,
        } = &mount.kind
        else {
            return Ok(());
        };
        let Some(value) = self.secrets.get(id) else {
            return match required {
                true => Err(RunError::NoSecret(id.clone())),
                false => Ok(()),
            };
        };
        if *file {
            furniture.files.push(PlacedFile {
                path: PathBuf::from(&exec.workdir).join(&mount.target),
                mode: *mode,
                owner: Some((*uid, *gid)),
                contents: value.bytes().to_vec(),
            });
        }
        if let Some(name) = env {
            let text = String::from_utf8(value.bytes().to_vec());
            let text = text.map_err(|_| RunError::SecretIsNoText(id.clone()))?;
            furniture.env.insert(name.clone(), text);
        }
        Ok(())
    }
}
