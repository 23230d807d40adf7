//! How the operations on a root file system are carried out: each over the trees of the steps that it stands on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use coracle_oci::Layer;
use coracle_plan::{Exec, MakeFolder, MountKind, Origin, Place, Placed, Step, StepId};

use super::Execution;
use crate::error::StepError;
use crate::ground::{Ground, View};
use crate::outcome::Outcome;
use crate::steps::blocking;
use crate::steps::exec::Trees;
use crate::steps::place::{self, From, PlaceError, remote, stage};

/// What a step stands on, by the steps' names.
pub(super) struct Stands(BTreeMap<StepId, Outcome>);

impl Stands {
    /// `roots` are in the order in which the step names what it stands on.
    pub(super) fn of(step: &Step, roots: Vec<Outcome>) -> Self {
        let ids = step.op.depends_on().into_iter().cloned();
        Self(ids.zip(roots).collect())
    }

    fn outcomes(&self, steps: &[StepId]) -> Vec<Outcome> {
        steps.iter().filter_map(|id| self.0.get(id)).cloned().collect()
    }
}

impl Execution<'_> {
    pub(super) async fn exec(&self, step: &Step, exec: &Exec, stands: Stands) -> Result<Layer, StepError> {
        let lowers = self.trees(stands.outcomes(&exec.root)).await?;
        let mut mounted = Vec::new();
        for mount in &exec.mounts {
            mounted.push(match &mount.kind {
                MountKind::Bind { from, path, .. }
                | MountKind::Cache {
                    from: Some((from, path)),
                    ..
                } => self.mounted(from, path, &stands).await?,
                MountKind::Cache { from: None, .. } | MountKind::Tmpfs { .. } | MountKind::Secret { .. } => {
                    Trees::default()
                }
            });
        }
        Ok(self.workshop().exec(step, exec, lowers, mounted).await?)
    }

    pub(super) async fn place(&self, place: &Place, stands: Stands) -> Result<Layer, StepError> {
        let lowers = self.trees(stands.outcomes(&place.root)).await?;
        let mut trees = Vec::new();
        for placed in &place.what {
            trees.push(match placed {
                Placed::Files { from, .. } => self.trees(stands.outcomes(from.steps())).await?,
                Placed::Text { .. } | Placed::Remote { .. } => Vec::new(),
            });
        }
        let (store, context, remote) = (
            self.tools.store.clone(),
            Arc::clone(self.context),
            self.remote.clone(),
        );
        let (place, cancel) = (place.clone(), self.cancel.clone());
        let placing = blocking(move || {
            let mut supplies = Vec::new();
            for (placed, trees) in place.what.iter().zip(trees) {
                supplies.push(match placed {
                    Placed::Files {
                        from: Origin::Context,
                        ..
                    } => From::context(&store, &context)?,
                    Placed::Files { .. } => From::Root(View::of(&store, &trees)?),
                    Placed::Text { name, contents } => remote::lay_out_text(&store, name, contents)?,
                    Placed::Remote { url, .. } => {
                        let digest = remote.get(url);
                        let digest = digest.ok_or_else(|| PlaceError::NotFound(url.clone()))?;
                        remote::lay_out(&store, url, digest)?
                    }
                });
            }
            let ground = Ground::over(&store, &lowers)?;
            place::place((&store, ground), &place, &supplies, &cancel)
        });
        Ok(placing.await?)
    }

    pub(super) async fn make_folder(
        &self,
        what: &MakeFolder,
        roots: Vec<Outcome>,
    ) -> Result<Layer, StepError> {
        let lowers = self.trees(roots).await?;
        let (store, what) = (self.tools.store.clone(), what.clone());
        let making = blocking(move || place::make_folder(&store, Ground::over(&store, &lowers)?, &what));
        Ok(making.await?)
    }

    /// Answers the trees that a mount shows a part of. Those of the context are copies, so that a command sees what the
    /// step's key was made of, and nothing that the ignore file leaves out.
    async fn mounted(&self, from: &Origin, path: &str, stands: &Stands) -> Result<Trees, StepError> {
        match from {
            Origin::Steps(steps) => Ok(Trees {
                lowers: self.trees(stands.outcomes(steps)).await?,
                made: None,
            }),
            Origin::Context => {
                let (store, context) = (self.tools.store.clone(), Arc::clone(self.context));
                let (path, cancel) = (path.to_owned(), self.cancel.clone());
                let staging = blocking(move || stage(&store, &context, &path, &cancel));
                let staged = staging.await?;
                Ok(Trees {
                    lowers: vec![PathBuf::from(staged.path())],
                    made: Some(staged),
                })
            }
        }
    }
}
