//! What a Dockerfile's steps read of the context and of the web, for their keys.

use std::path::Path;

use coracle_plan::patterns::clean;
use coracle_plan::{Exec, MountKind, Op, Origin, Place, Placed};

use crate::builder::Tools;
use crate::context::{Context, Digests};
use crate::error::StepError;
use crate::files::{Rules, resolve, walk};
use crate::key::Material;
use crate::prepared::Remote;
use crate::request::Tenant;
use crate::steps::copy::CopyError;
use crate::steps::place::{PlaceError, chosen, remote};

/// Gathers what steps read.
pub(super) struct Gathering<'a> {
    tools: &'a Tools,
    tenant: Option<&'a Tenant>,
    context: &'a Context,
    /// What all steps read of the context.
    pub(super) digests: Digests,
    /// What files of web servers are.
    pub(super) remote: Remote,
}

impl<'a> Gathering<'a> {
    pub(super) fn new((tools, tenant): (&'a Tools, Option<&'a Tenant>), context: &'a Context) -> Self {
        Self {
            tools,
            tenant,
            context,
            digests: Digests::new(),
            remote: Remote::new(),
        }
    }

    /// Answers what a step depends on beside what it does and stands on.
    pub(super) fn material(&mut self, op: &Op) -> Result<Material, StepError> {
        let mut material = Material::default();
        match op {
            Op::Place(place) => self.of_place(place, &mut material)?,
            Op::Exec(exec) => self.of_exec(exec, &mut material)?,
            _ => {}
        }
        self.digests.extend(material.context.clone());
        Ok(material)
    }

    fn of_place(&mut self, place: &Place, material: &mut Material) -> Result<(), StepError> {
        for placed in &place.what {
            match placed {
                Placed::Files {
                    from: Origin::Context,
                    pattern,
                } => {
                    let found = chosen(&self.context.listing, place, pattern)?;
                    for path in found.iter().flat_map(|chosen| &chosen.paths) {
                        self.take(path, material)?;
                    }
                    material.chosen.extend(found);
                }
                Placed::Remote { url, checksum } => {
                    let digest = remote::digest((self.tools, self.tenant), url, checksum.as_deref())?;
                    self.remote.insert(url.clone(), digest);
                    material.remote.push(digest);
                }
                Placed::Files { .. } | Placed::Text { .. } => {}
            }
        }
        Ok(())
    }

    fn of_exec(&self, exec: &Exec, material: &mut Material) -> Result<(), StepError> {
        for mount in &exec.mounts {
            let (MountKind::Bind {
                from: Origin::Context,
                path,
                ..
            }
            | MountKind::Cache {
                from: Some((Origin::Context, path)),
                ..
            }) = &mount.kind
            else {
                continue;
            };
            for path in mounted(self.context, path)? {
                self.take(&path, material)?;
            }
        }
        Ok(())
    }

    fn take(&self, path: &Path, material: &mut Material) -> Result<(), StepError> {
        let copied = self.context.copied(path).map_err(CopyError::Context)?;
        material.context.insert(path.to_owned(), copied);
        Ok(())
    }
}

/// Answers everything that a mount of the context's `path` shows.
fn mounted(context: &Context, path: &str) -> Result<Vec<std::path::PathBuf>, PlaceError> {
    let top = resolve(&context.listing, Path::new(&clean(&format!("/{path}"))))?;
    let mut paths = Vec::new();
    walk(&context.listing, &top, &Rules::default(), &mut |visit| {
        paths.push(visit.path.clone());
        Ok::<_, std::io::Error>(())
    })
    .map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => PlaceError::NotFound(path.to_owned()),
        _ => PlaceError::Read(error),
    })?;
    Ok(paths)
}
