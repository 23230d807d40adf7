//! The steps of the plans of one build, each once.
//!
//! Plans for several platforms differ in some steps and have others in common: what is copied, bundled, or built by
//! tools of the building machine. Steps with equal keys are one node here, so that they run once and show once. One
//! walk for each plan lost: each would wait on the other's lock for what they share, and show it twice.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use coracle_plan::{Plan, Step, StepId};
use coracle_spec::Digest;

use crate::key::Keys;

/// The steps of several plans, each after all that it stands on.
pub(crate) struct Graph<'a> {
    pub(crate) nodes: Vec<Node<'a>>,
}

/// A step.
pub(crate) struct Node<'a> {
    pub(crate) key: Digest,
    /// The step, its name and id unlike those of all others in the graph.
    pub(crate) step: Cow<'a, Step>,
    /// The keys of what it stands on, lowest first.
    pub(crate) needs: Vec<Digest>,
    /// Where it comes from: lines of a Dockerfile, marked.
    pub(crate) excerpt: Option<&'a str>,
}

/// A plan, what tells it from the build's other plans, and the keys of its steps.
#[derive(Clone, Copy)]
pub(crate) struct KeyedPlan<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) arch: &'a str,
    pub(crate) keys: &'a Keys,
}

impl<'a> Graph<'a> {
    /// Joins plans. Steps that not all of them have say whose they are.
    pub(crate) fn of(plans: &[KeyedPlan<'a>]) -> Self {
        let mut count: BTreeMap<Digest, usize> = BTreeMap::new();
        for key in plans.iter().flat_map(|plan| plan.keys.values()) {
            *count.entry(*key).or_default() += 1;
        }
        let (mut nodes, mut seen) = (Vec::new(), BTreeSet::new());
        for plan in plans {
            for (step, key) in plan.steps().filter(|(_, key)| seen.insert(*key)) {
                let is_shared = count.get(&key).is_some_and(|count| *count >= plans.len());
                nodes.push(Node {
                    key,
                    step: if is_shared {
                        Cow::Borrowed(step)
                    } else {
                        Cow::Owned(plan.named(step))
                    },
                    needs: plan.keys_of(step.op.depends_on()).collect(),
                    excerpt: plan.plan.excerpts.get(&step.id).map(String::as_str),
                });
            }
        }
        Self { nodes }
    }
}

impl<'a> KeyedPlan<'a> {
    /// Answers the keys of the image's layers, lowest first.
    pub(crate) fn layers(self) -> impl Iterator<Item = Digest> + 'a {
        self.keys_of(&self.plan.image.layers)
    }

    fn steps(self) -> impl Iterator<Item = (&'a Step, Digest)> {
        let of = move |step: &'a Step| Some((step, *self.keys.get(&step.id)?));
        self.plan.steps.iter().filter_map(of)
    }

    fn keys_of(self, ids: impl IntoIterator<Item = &'a StepId>) -> impl Iterator<Item = Digest> {
        ids.into_iter().filter_map(move |id| self.keys.get(id).copied())
    }

    fn named(self, step: &Step) -> Step {
        Step {
            id: StepId::new(format!("{}-{}", step.id, self.arch)),
            name: format!("{} for {}", step.name, self.arch),
            op: step.op.clone(),
        }
    }
}
