//! A revision as instances are made of it.

use std::num::NonZeroU32;

use coracle_gateway::{Limits, RevisionId};
use coracle_sandbox::SandboxId;
use coracle_spec::{Digest, FunctionId, RevisionConfig};

/// An immutable revision: an image and a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The function.
    pub function: FunctionId,
    /// Counts from 1 within the function.
    pub number: u64,
    /// The image's manifest.
    pub image: Digest,
    /// What the image was called when it was deployed.
    pub reference: Option<String>,
    /// The rest of what it consists of.
    pub config: RevisionConfig,
    /// Who deployed it, for people.
    pub author: Option<String>,
    /// When it was made: seconds since 1970-01-01 UTC.
    pub created_at: u64,
}

impl Revision {
    /// Answers its name, unique within the platform.
    pub fn id(&self) -> RevisionId {
        format!(
            "{}/{}/{}",
            self.function.namespace, self.function.name, self.number
        )
        .into()
    }

    /// Answers a name for a new instance's sandbox, which no other has.
    pub(crate) fn new_sandbox_id(&self) -> SandboxId {
        let text = format!(
            "{}-{}-{:08x}",
            self.function.name,
            self.number,
            rand::random::<u32>()
        );
        #[expect(
            clippy::expect_used,
            reason = "a DNS label and two numbers always make an identifier"
        )]
        text.parse().expect("an identifier")
    }

    /// Answers what its requests are bound by.
    pub(crate) fn limits(&self) -> Limits {
        let timeout = &self.config.timeout;
        let defaults = Limits::default();
        Limits {
            concurrency: NonZeroU32::new(self.config.scale.concurrency).unwrap_or(defaults.concurrency),
            queue_wait: defaults.queue_wait.max(self.config.health.grace.duration()),
            first_byte: timeout.first_byte.duration(),
            request: timeout.request.duration(),
            idle: timeout.idle.duration(),
            ..defaults
        }
    }
}
