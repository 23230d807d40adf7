//! What is known of functions and revisions, durably.

use coracle_spec::revision::Scale;
use coracle_spec::{Class, Failure, FunctionId};
use coracle_state::{LogError, NewRevision, RevisionStatus, State, StateError};

use crate::revision::Revision;

/// The rows of functions and revisions.
pub(crate) struct Records(State);

/// A revision, and how it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionRecord {
    /// The revision.
    pub revision: Revision,
    /// How its deploy went.
    pub status: RevisionStatus,
    /// Whether it gets the traffic.
    pub serving: bool,
}

/// Why what is known of a function cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// There is no such function.
    #[error("there is no function `{0}`")]
    NotFound(FunctionId),
    /// The state cannot be read or written.
    #[error("cannot read or write the state")]
    State(#[from] StateError),
    /// The log cannot be read.
    #[error("cannot read the log")]
    Log(#[from] LogError),
}

impl Failure for RecordError {
    fn class(&self) -> Class {
        match self {
            Self::NotFound(_) => Class::NotFound,
            Self::State(error) => error.class(),
            Self::Log(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound(_) => Some("`coracle ls` lists the functions there are".to_owned()),
            Self::State(error) => error.hint(),
            Self::Log(error) => error.hint(),
        }
    }
}

impl Records {
    pub(crate) fn new(state: State) -> Self {
        Self(state)
    }

    /// Answers what else the platform remembers.
    pub(crate) fn state(&self) -> &State {
        &self.0
    }

    /// Notes that a deploy has begun; its revision gets the function's next number.
    pub(crate) async fn begin(&self, revision: NewRevision) -> Result<Revision, StateError> {
        Ok(self.0.begin_revision(revision).await?.into())
    }

    /// Notes that a revision never became ready.
    pub(crate) async fn fail(&self, revision: &Revision) -> Result<(), StateError> {
        self.0.fail_revision(&revision.function, revision.number).await
    }

    /// Notes that a revision serves.
    pub(crate) async fn activate(&self, revision: &Revision) -> Result<(), StateError> {
        self.0
            .activate_revision(&revision.function, revision.number)
            .await
            .map(drop)
    }

    /// Notes that an earlier revision serves again.
    pub(crate) async fn return_to(&self, revision: &Revision) -> Result<(), StateError> {
        self.0
            .return_to_revision(&revision.function, revision.number)
            .await
    }

    /// Notes how many instances a function has until its next deploy.
    pub(crate) async fn set_scale(&self, function: &FunctionId, scale: Scale) -> Result<(), StateError> {
        self.0.set_scale(function, scale).await
    }

    /// Answers the revisions that served when the last platform on this state ended, each with the scale that it was
    /// changed to. A deploy that was under way then has failed.
    pub(crate) async fn recover(&self) -> Result<Vec<(Revision, Option<Scale>)>, StateError> {
        self.0.fail_unfinished_revisions().await?;
        let functions = self.0.functions().await?;
        Ok(functions
            .into_iter()
            .map(|function| (function.current.into(), function.scale))
            .collect())
    }

    /// Answers a function's revisions, newest first. `serving` is the number of the one that serves.
    pub(crate) async fn revisions(
        &self,
        function: &FunctionId,
        serving: Option<u64>,
    ) -> Result<Vec<RevisionRecord>, RecordError> {
        let revisions = self.0.revisions(function).await?;
        if revisions.is_empty() {
            return Err(RecordError::NotFound(function.clone()));
        }
        let record = |stored: coracle_state::Revision| RevisionRecord {
            status: stored.status,
            serving: serving == Some(stored.number),
            revision: stored.into(),
        };
        Ok(revisions.into_iter().map(record).collect())
    }

    /// Removes a function with everything that is known of it.
    pub(crate) async fn remove(&self, function: &FunctionId) -> Result<(), RecordError> {
        if self.0.remove_function(function).await? {
            Ok(())
        } else {
            Err(RecordError::NotFound(function.clone()))
        }
    }
}

impl From<coracle_state::Revision> for Revision {
    fn from(stored: coracle_state::Revision) -> Self {
        let coracle_state::Revision {
            function,
            number,
            image,
            reference,
            config,
            author,
            created_at,
            ..
        } = stored;
        Self {
            function,
            number,
            image,
            reference,
            config,
            author,
            created_at,
        }
    }
}
