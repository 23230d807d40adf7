//! A command over a root file system of which it may change anything: `RUN`.
//!
//! What it finds beside the root is as BuildKit has it: `/etc/hosts` and a resolver that are part of no layer, mounts
//! whose mount points are gone afterwards unless something was put there, and neither the host's package managers'
//! configuration nor anything else of it but what makes its network transparent: proxies, and its own certificate
//! authorities where there are some, at a path that no image uses.

mod caches;
mod furnishing;
mod stubs;

use std::path::PathBuf;

use coracle_content::Scratch;
use coracle_oci::{Attributes, CaptureOptions, Layer, Owner, Source, Specials, User, layer_from_directory};
use coracle_plan::{Exec, Step};
use coracle_sandbox::{DISK_UPPER_ID_SHIFT, Process, Profile, SandboxSpec, Upper};

pub(crate) use furnishing::Trees;

use self::furnishing::Furniture;
use self::stubs::Stubs;
use super::blocking;
use super::run::disk::DiskWatch;
use super::run::{RunError, Workshop};
use crate::accounts::accounts;
use crate::ground::{GroundError, View, times_as_they_are};

/// What the command finds itself on.
const HOST_NAME: &str = "build";

impl Workshop<'_> {
    /// Runs a step's command over the trees `lowers` and makes a layer of everything that it changed. `mounted` has
    /// the trees of the command's mounts, in their order.
    pub(crate) async fn exec(
        &self,
        step: &Step,
        exec: &Exec,
        mut lowers: Vec<PathBuf>,
        mounted: Vec<Trees>,
    ) -> Result<Layer, RunError> {
        let upper = self.store.scratch()?;
        let furniture = self.furnish(exec, mounted).await?;
        let (user, stubs) = self.look(exec, &lowers, &furniture).await?;
        let empty = self.store.scratch()?;
        if lowers.is_empty() {
            lowers.push(empty.path().to_owned());
        }
        let disk = DiskWatch {
            folder: upper.path(),
            limit: self.surroundings.disk,
        };
        let spec = self.exec_spec(exec, (lowers, &upper), &furniture, user);
        self.execute(step, &exec.command, spec, &disk).await?;
        drop(furniture);
        self.capture_all(upper, stubs).await
    }

    /// Finds out who runs the command, and which mount points the root lacks.
    async fn look(
        &self,
        exec: &Exec,
        lowers: &[PathBuf],
        furniture: &Furniture,
    ) -> Result<(User, Stubs), RunError> {
        let (store, lowers, user) = (self.store.clone(), lowers.to_vec(), exec.user.clone());
        let targets = furniture.targets();
        blocking(move || {
            let view = View::of(&store, &lowers).map_err(ground)?;
            let accounts = accounts(&view.root).map_err(RunError::Root)?;
            let stubs = Stubs::missing(&view.root, &targets).map_err(RunError::Root)?;
            Ok((accounts.user(&user)?, stubs))
        })
        .await
    }

    fn exec_spec(
        &self,
        exec: &Exec,
        (lowers, upper): (Vec<PathBuf>, &Scratch),
        furniture: &Furniture,
        user: User,
    ) -> SandboxSpec {
        let mut env = furniture.env.clone();
        env.extend(exec.proxies.clone());
        env.entry("HOME".to_owned()).or_insert(user.home);
        env.extend(exec.env.clone());
        SandboxSpec {
            id: crate::sandbox_id::next(),
            profile: Profile::Build,
            lowers,
            upper: Upper::Disk {
                dir: upper.path().to_owned(),
            },
            mounts: furniture.binds.clone(),
            made: furniture.made.clone(),
            files: furniture.files.clone(),
            directories: Vec::new(),
            process: Process {
                args: exec.command.clone(),
                env,
                cwd: exec.workdir.clone().into(),
                uid: user.uid,
                gid: user.gid,
                groups: with_own(user.groups, user.gid),
                ..Process::default()
            },
            limits: self.surroundings.limits,
            network: exec.network.into(),
            hostname: HOST_NAME.to_owned(),
        }
    }

    /// Makes a layer of all that changed. Times stay: bytecode and build tools compare them with what they noted.
    async fn capture_all(&self, upper: Scratch, stubs: Stubs) -> Result<Layer, RunError> {
        let store = self.store.clone();
        blocking(move || {
            let changes = upper.path().join("upper");
            stubs.remove_from(&changes).map_err(RunError::Root)?;
            let options = CaptureOptions {
                owner: Owner::Shifted {
                    base: DISK_UPPER_ID_SHIFT,
                },
                source: Source::Consume,
                specials: Specials::Pipes,
                attributes: Attributes::Capabilities,
                ..CaptureOptions::default()
            };
            let layer = layer_from_directory(&store, &times_as_they_are(), &changes, &options)?;
            drop(upper);
            Ok(layer)
        })
        .await
    }
}

/// Adds the group that a command runs as, which BuildKit lists among the others too.
fn with_own(mut groups: Vec<u32>, own: u32) -> Vec<u32> {
    if !groups.contains(&own) {
        groups.push(own);
        groups.sort_unstable();
    }
    groups
}

fn ground(error: GroundError) -> RunError {
    RunError::Ground(Box::new(error))
}
