//! Folders that outlive builds: `--mount=type=cache`.

use std::path::{Path, PathBuf};

use coracle_content::Guard;
use coracle_plan::{Mount, MountKind, Sharing};
use coracle_sandbox::Bind;
use coracle_spec::Digest;
use fs_err as fs;
use rustix::fs::{Gid, Uid};

use super::super::blocking;
use super::super::place::seed;
use super::super::run::{CACHE_LOCK, RunError, Workshop};
use super::furnishing::{Furniture, Trees};
use super::ground;
use crate::ground::View;

/// The most private copies of one cache: as many builds at once as one machine carries.
const MOST_PRIVATE: usize = 64;

impl Workshop<'_> {
    /// Mounts a cache, made and filled if it is new.
    pub(super) async fn cache(
        &self,
        mount: &Mount,
        trees: Trees,
        furniture: &mut Furniture,
    ) -> Result<(), RunError> {
        let MountKind::Cache {
            id,
            sharing,
            from,
            writable,
            mode,
            uid,
            gid,
        } = &mount.kind
        else {
            return Ok(());
        };
        // Ids are whatever their authors write; names of caches are names of folders.
        let name = self.cache_name(&format!("run-{}", &Digest::of(id).hex()[..32]));
        let (name, lock) = self.claim(name, *sharing).await?;
        furniture.locks.extend(lock);
        let source = self.store.cache_dir(&name)?;
        let new = New {
            folder: source.clone(),
            trees: trees.lowers,
            from: from.as_ref().map(|(_, path)| path.clone()),
            mode: *mode,
            owner: (*uid, *gid),
        };
        let store = self.store.clone();
        blocking(move || new.fill(&store)).await?;
        furniture.scratches.extend(trees.made);
        furniture.binds.push(Bind {
            source,
            target: PathBuf::from(&mount.target),
            read_only: !writable,
        });
        Ok(())
    }

    /// Waits for a cache that one command may use, or takes one that nobody uses.
    async fn claim(&self, name: String, sharing: Sharing) -> Result<(String, Option<Guard>), RunError> {
        let store = self.store.clone();
        blocking(move || match sharing {
            Sharing::Shared => Ok((name, None)),
            Sharing::Locked => {
                let guard = store.lock(CACHE_LOCK, &Digest::of(&name))?;
                Ok((name, Some(guard)))
            }
            Sharing::Private => {
                for number in 0..MOST_PRIVATE {
                    let name = match number {
                        0 => name.clone(),
                        number => format!("{name}-{number}"),
                    };
                    if let Some(guard) = store.try_lock(CACHE_LOCK, &Digest::of(&name))? {
                        return Ok((name, Some(guard)));
                    }
                }
                Err(RunError::NoPrivateCache)
            }
        })
        .await
    }
}

/// What a cache is when it is new.
struct New {
    folder: PathBuf,
    trees: Vec<PathBuf>,
    from: Option<String>,
    mode: u32,
    owner: (u32, u32),
}

impl New {
    /// Gives the cache its first contents, owner and permissions, if nothing is in it.
    fn fill(&self, store: &coracle_content::Store) -> Result<(), RunError> {
        let is_new = fs::read_dir(&self.folder)
            .map_err(RunError::Root)?
            .next()
            .is_none();
        if !is_new {
            return Ok(());
        }
        if let Some(from) = &self.from {
            let view = View::of(store, &self.trees).map_err(ground)?;
            seed(view, Path::new(from), &self.folder)?;
        }
        self.own().map_err(RunError::Root)
    }

    fn own(&self) -> std::io::Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        let (uid, gid) = (Uid::from_raw(self.owner.0), Gid::from_raw(self.owner.1));
        rustix::fs::chown(&self.folder, Some(uid), Some(gid))?;
        fs::set_permissions(&self.folder, std::fs::Permissions::from_mode(self.mode))
    }
}
