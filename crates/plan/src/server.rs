//! Folders that are HTTP servers already: the manifest's command over the smallest base.

use std::collections::BTreeMap;

use crate::context::Context;
use crate::draft::{Draft, Start, base};
use crate::error::PlanError;
use crate::op::BaseKind;
use crate::plan::Plan;

/// What the manifest calls it.
pub(crate) const NAME: &str = "server";

/// The Debian release that servers without a language stand on.
const RELEASE: &str = "trixie";

/// Plans a folder that its own command serves.
pub(crate) fn plan(context: Context<'_>, mut draft: Draft) -> Result<Plan, PlanError> {
    let revision = &context.manifest.revision;
    if revision.command.is_empty() && revision.entrypoint.is_empty() {
        return Err(PlanError::NoStart {
            looked_in: Vec::new(),
            looked_for: vec!["`command` in `coracle.yaml`".to_owned()],
        });
    }
    draft.layer(
        "base",
        "assemble the base",
        base(context, "plain", RELEASE, BaseKind::Runtime, &[]),
    );
    draft.application(context)?;
    Ok(draft.finish(
        context,
        Start {
            runtime: NAME,
            command: Vec::new(),
            env: BTreeMap::new(),
        },
    ))
}
