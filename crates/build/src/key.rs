//! The keys of steps: digests of everything that a step's result depends on, and of nothing else.
//!
//! A key is made of the operation, of the contents of the source's files that it reads, and of the keys of the
//! steps it stands on. Names, paths of this machine and times are in none, so that the same work has the same key
//! in every folder and on every machine.

use std::collections::BTreeMap;

use coracle_plan::{Input, Op, Plan, StepId};
use coracle_spec::Digest;
use serde::Serialize;

use crate::folder::{Contents, Folder, FolderError};
use crate::request::Tenant;

/// Changes when the same operation gives another result than before.
const VERSION: u32 = 1;

/// The key of each step of a plan.
pub(crate) type Keys = BTreeMap<StepId, Digest>;

/// The keys of a plan's steps, and what they were made of.
pub(crate) struct Keyed {
    pub(crate) keys: Keys,
    /// What the source's files are that any step reads.
    pub(crate) contents: Contents,
}

/// What tells keys apart beyond what steps are.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Salt {
    /// Whose build it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tenant: Option<Tenant>,
}

#[derive(Serialize)]
struct Parts<'a> {
    version: u32,
    #[serde(flatten)]
    salt: &'a Salt,
    op: &'a Op,
    /// What a base resolved to.
    base: Option<&'a toml::Table>,
    contents: Contents,
    inputs: Vec<Digest>,
}

/// Answers the keys of all steps of `plan` over the files in `folder`; `bases` says what each recipe is locked to.
pub(crate) fn keys<'a>(
    plan: &'a Plan,
    (folder, salt): (&Folder, &Salt),
    bases: impl Fn(&str) -> Option<&'a toml::Table>,
) -> Result<Keyed, FolderError> {
    let (mut keys, mut all) = (Keys::new(), Contents::new());
    for step in &plan.steps {
        let parts = Parts {
            version: VERSION,
            salt,
            op: &step.op,
            base: match &step.op {
                Op::Base(base) => bases(&base.recipe),
                _ => None,
            },
            contents: folder.contents(files(&step.op))?,
            inputs: step
                .op
                .depends_on()
                .into_iter()
                .filter_map(|id| keys.get(id).copied())
                .collect(),
        };
        keys.insert(step.id.clone(), Digest::of_value(&parts));
        all.extend(parts.contents);
    }
    Ok(Keyed { keys, contents: all })
}

/// Answers the files of the source that an operation reads.
fn files(op: &Op) -> Vec<&String> {
    match op {
        Op::Copy(copy) => copy.files.iter().collect(),
        Op::Run(run) => run
            .inputs
            .iter()
            .flat_map(|input| match input {
                Input::Source { files, .. } => files.as_slice(),
                Input::Text { .. } => &[],
            })
            .collect(),
        Op::Base(_)
        | Op::Fetch(_)
        | Op::Write(_)
        | Op::Image(_)
        | Op::Exec(_)
        | Op::Place(_)
        | Op::MakeFolder(_) => Vec::new(),
    }
}
