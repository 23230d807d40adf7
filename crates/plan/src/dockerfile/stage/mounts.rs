//! What is mounted while a command runs.

use std::cell::RefCell;
use std::collections::BTreeSet;

use coracle_dockerfile::instruction::{self, MountKind as Kind, Run};

use super::super::error::Wrong;
use super::super::graph::{Command, Source};
use super::super::{path, scope};
use super::Stage;
use crate::op::{Mount, MountKind, Origin, Sharing};

/// Where secrets are when their mount does not say.
const SECRETS: &str = "/run/secrets";
/// The permission bits of a secret, and of a new cache.
const SECRET_MODE: u32 = 0o400;
const CACHE_MODE: u32 = 0o755;

impl Stage<'_, '_> {
    /// Reads the mounts of a command.
    pub(super) fn mounts(&mut self, run: &Run, command: &Command) -> Result<Vec<Mount>, Wrong> {
        let unset = RefCell::new(BTreeSet::new());
        let value = |text: &str| {
            let expanded = scope::expanded(text, self.shared.escape, &self.state.variables)?;
            unset.borrow_mut().extend(expanded.unset);
            Ok::<_, Wrong>(expanded.text)
        };
        let mounts = run.mounts(value)?;
        for name in unset.into_inner() {
            self.undefined(&name, command.lines);
        }
        let sources = command.sources.iter().map(Option::as_ref);
        let sources = sources.chain(std::iter::repeat(None));
        let pairs = mounts.iter().zip(sources);
        pairs
            .map(|(mount, source)| self.mount(mount, source, command))
            .collect()
    }

    fn mount(
        &mut self,
        mount: &instruction::Mount,
        source: Option<&Source>,
        command: &Command,
    ) -> Result<Mount, Wrong> {
        match mount.kind {
            Kind::Secret => Ok(secret(mount, self.state.workdir())),
            Kind::Ssh => Err(Wrong::new("mounts of `type=ssh` are not supported yet").hint(
                "give the key as a secret: `--mount=type=secret,id=ssh-key,target=/root/.ssh/id_ed25519`",
            )),
            Kind::Tmpfs => Ok(Mount {
                target: self.target(mount)?,
                kind: MountKind::Tmpfs {
                    size: mount.size.filter(|size| *size > 0),
                },
            }),
            Kind::Bind => Ok(Mount {
                target: self.target(mount)?,
                kind: MountKind::Bind {
                    from: self.origin(source, command.lines)?,
                    path: within(mount),
                    writable: !mount.read_only,
                },
            }),
            Kind::Cache => self.cache(mount, source, command),
        }
    }

    fn cache(
        &mut self,
        mount: &instruction::Mount,
        source: Option<&Source>,
        command: &Command,
    ) -> Result<Mount, Wrong> {
        let from = match source {
            None | Some(Source::Nothing) => None,
            Some(_) => Some(self.origin(source, command.lines)?),
        };
        let id = mount.id.clone().filter(|id| !id.is_empty());
        Ok(Mount {
            target: self.target(mount)?,
            kind: MountKind::Cache {
                id: id.unwrap_or_else(|| unnamed(mount)),
                sharing: match mount.sharing {
                    None | Some(instruction::Sharing::Shared) => Sharing::Shared,
                    Some(instruction::Sharing::Private) => Sharing::Private,
                    Some(instruction::Sharing::Locked) => Sharing::Locked,
                },
                from: from
                    .filter(|from| !is_empty(from))
                    .map(|from| (from, within(mount))),
                writable: !mount.read_only,
                mode: mount.mode.unwrap_or(CACHE_MODE),
                uid: mount.uid.unwrap_or_default(),
                gid: mount.gid.unwrap_or_default(),
            },
        })
    }

    /// Answers where a mount is, seen from the working directory.
    fn target(&self, mount: &instruction::Mount) -> Result<String, Wrong> {
        let target = path::within(self.state.workdir(), mount.target.as_deref().unwrap_or_default());
        if target == "/" {
            return Err(Wrong::new("a mount cannot be the root").hint("name a folder: `target=/src`"));
        }
        Ok(target)
    }
}

fn is_empty(from: &Origin) -> bool {
    matches!(from, Origin::Steps(steps) if steps.is_empty())
}

fn within(mount: &instruction::Mount) -> String {
    path::clean(mount.source.as_deref().unwrap_or_default())
}

/// Answers the name of a cache without a name: its target, as it is written, without detours.
fn unnamed(mount: &instruction::Mount) -> String {
    let target = mount.target.as_deref().unwrap_or_default();
    let cleaned = path::clean(target);
    if target.starts_with('/') {
        cleaned
    } else {
        cleaned.trim_start_matches('/').to_owned()
    }
}

/// Answers a secret: a file, unless it is asked for as a variable alone.
fn secret(mount: &instruction::Mount, workdir: &str) -> Mount {
    let given = mount
        .id
        .as_ref()
        .or(mount.source.as_ref())
        .filter(|id| !id.is_empty());
    let named = mount.target.as_deref().filter(|target| !target.is_empty());
    // A secret without a name is called as its file is.
    let id = given
        .cloned()
        .unwrap_or_else(|| last(named.unwrap_or_default()).to_owned());
    let target = match named {
        Some(target) => path::within(workdir, target),
        None => format!("{SECRETS}/{}", last(&id)),
    };
    let env = mount
        .env
        .clone()
        .map(|name| if name.is_empty() { id.clone() } else { name });
    Mount {
        target,
        kind: MountKind::Secret {
            required: mount.required,
            file: env.is_none() || named.is_some(),
            env,
            mode: mount.mode.unwrap_or(SECRET_MODE),
            uid: mount.uid.unwrap_or_default(),
            gid: mount.gid.unwrap_or_default(),
            id,
        },
    }
}

fn last(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}
