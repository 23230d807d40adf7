//! The keys of steps: digests of everything that a step's result depends on, and of nothing else.
//!
//! A key is made of the operation, of the contents of the source's files that it reads, and of the keys of the
//! steps it stands on. Names, paths of this machine and times are in none, so that the same work has the same key
//! in every folder and on every machine.

use std::collections::BTreeMap;

use coracle_plan::{Input, Op, Plan, Step, StepId};
use coracle_spec::Digest;
use serde::Serialize;

use crate::context::Digests;
use crate::folder::{Contents, Folder, FolderError};
use crate::request::Tenant;
use crate::steps::place::Chosen;

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
    #[serde(flatten)]
    material: &'a Material,
    inputs: Vec<Digest>,
}

/// What a step's result depends on beside what it does and stands on.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Material {
    /// What a base resolved to.
    pub(crate) base: Option<toml::Table>,
    /// What it reads of a language's source.
    pub(crate) contents: Contents,
    /// What it reads of a Dockerfile's context: what each of its sources means there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) chosen: Vec<Chosen>,
    /// And what that is.
    #[serde(skip_serializing_if = "Digests::is_empty")]
    pub(crate) context: Digests,
    /// The digests of files of web servers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) remote: Vec<Digest>,
}

/// Answers the keys of all steps of a language's `plan` over the files in `folder`; `bases` says what each recipe is
/// locked to.
pub(crate) fn keys<'a>(
    plan: &'a Plan,
    (folder, salt): (&Folder, &Salt),
    bases: impl Fn(&str) -> Option<&'a toml::Table>,
) -> Result<Keyed, FolderError> {
    let mut contents = Contents::new();
    let keys = keys_of(plan, salt, |step| {
        let material = Material {
            base: match &step.op {
                Op::Base(base) => bases(&base.recipe).cloned(),
                _ => None,
            },
            contents: folder.contents(files(&step.op))?,
            ..Material::default()
        };
        contents.extend(material.contents.clone());
        Ok::<_, FolderError>(material)
    })?;
    Ok(Keyed { keys, contents })
}

/// Answers the keys of all steps of `plan`, given what each of them depends on.
pub(crate) fn keys_of<E>(
    plan: &Plan,
    salt: &Salt,
    mut material: impl FnMut(&Step) -> Result<Material, E>,
) -> Result<Keys, E> {
    let mut keys = Keys::new();
    for step in &plan.steps {
        let parts = Parts {
            version: VERSION,
            salt,
            op: &step.op,
            material: &material(step)?,
            inputs: step
                .op
                .depends_on()
                .into_iter()
                .filter_map(|id| keys.get(id).copied())
                .collect(),
        };
        keys.insert(step.id.clone(), Digest::of_value(&parts));
    }
    Ok(keys)
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
