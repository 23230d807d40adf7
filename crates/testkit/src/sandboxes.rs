//! What creates fake sandboxes.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use coracle_sandbox::{CreateError, Refusal, Sandbox, SandboxSpec, Sandboxes};

use crate::program::{Choose, Program};
use crate::sandbox::{FakeSandbox, lock, refusal};

/// Creates fake sandboxes, and remembers each of them.
#[derive(Clone)]
pub struct FakeSandboxes {
    choose: Arc<Mutex<Choose>>,
    created: Arc<Mutex<Vec<Arc<FakeSandbox>>>>,
    refusal: Arc<Mutex<Option<Refusal>>>,
}

impl FakeSandboxes {
    /// Makes sandboxes that all run `program`.
    pub fn running(program: Program) -> Self {
        Self::choosing(move |_| program.clone())
    }

    /// Makes sandboxes that run what `choose` answers for their specification.
    pub fn choosing(choose: impl Fn(&SandboxSpec) -> Program + Send + Sync + 'static) -> Self {
        Self {
            choose: Arc::new(Mutex::new(Arc::new(choose))),
            created: Arc::default(),
            refusal: Arc::default(),
        }
    }

    /// Lets sandboxes created from now on run `program`.
    pub fn now_run(&self, program: Program) {
        *lock(&self.choose) = Arc::new(move |_: &SandboxSpec| program.clone());
    }

    /// Refuses to create sandboxes from now on, or no longer.
    pub fn refuse(&self, refusal: Option<Refusal>) {
        *lock(&self.refusal) = refusal;
    }

    /// Makes a refusal of a machine that lacks something.
    pub fn refusal(message: &str) -> Refusal {
        refusal(message)
    }

    /// Answers all sandboxes created so far, the first first.
    pub fn created(&self) -> Vec<Arc<FakeSandbox>> {
        lock(&self.created).clone()
    }

    /// Answers the sandboxes whose program runs.
    pub fn running_now(&self) -> Vec<Arc<FakeSandbox>> {
        self.created()
            .into_iter()
            .filter(|sandbox| sandbox.is_running())
            .collect()
    }
}

#[async_trait]
impl Sandboxes for FakeSandboxes {
    async fn create(&self, spec: SandboxSpec) -> Result<Arc<dyn Sandbox>, CreateError> {
        if let Some(source) = lock(&self.refusal).clone() {
            return Err(CreateError { id: spec.id, source });
        }
        let program = { lock(&self.choose).clone() }(&spec);
        let sandbox = FakeSandbox::new(spec, program);
        lock(&self.created).push(Arc::clone(&sandbox));
        Ok(sandbox)
    }
}
