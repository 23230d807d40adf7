//! A build that goes on while its client is told of it. It ends when nobody listens any more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use coracle_platform::{
    Admitted, BuildTrouble, FunctionBuildError, FunctionImage, Observer, Spooled, Tenant,
};
use coracle_tasks::CancellationToken;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::BuilderContext;
use super::lines;
use super::metrics::{Build, Ended};

/// The most lines that are handed on at once.
const MOST: usize = 256;

/// A build that goes on.
pub(super) struct Building {
    lines: mpsc::Receiver<String>,
    outcome: oneshot::Receiver<Result<FunctionImage, FunctionBuildError>>,
    ended: Option<Result<FunctionImage, BuildFailure>>,
    since: Instant,
    ending: CancellationToken,
    _hung_up: HungUp,
}

/// How a build failed, as a client is told.
pub(super) enum BuildFailure {
    /// The use case says why.
    Said(FunctionBuildError),
    /// The server ends.
    Stopping,
    /// It ended without a word: a defect of the program.
    Broken,
}

/// What happens next.
pub(super) enum Next {
    /// It has told something.
    Lines(Vec<String>),
    /// It has told nothing for a while.
    Quiet,
    /// It is over, and nothing more is told.
    Ended(Result<FunctionImage, BuildFailure>),
}

/// Ends a build when nobody listens any more.
struct HungUp(CancellationToken);

impl Drop for HungUp {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Building {
    /// Starts one.
    pub(super) fn start(
        context: &BuilderContext,
        (admitted, tenant): (Admitted, Tenant),
        body: Spooled,
        since: Instant,
    ) -> Self {
        let (teller, lines) = lines::channel();
        let (answer, outcome) = oneshot::channel();
        let cancel = context.ending.child_token();
        let hung_up = HungUp(cancel.clone());
        let builder = context.builder.clone();
        let mut counted = Build::of(Arc::clone(&context.metrics), tenant.clone(), since);
        context
            .tasks
            .spawn(format!("function build of {tenant}"), async move {
                let observer = teller as Arc<dyn Observer>;
                let outcome = builder.build(admitted, body, observer, &cancel).await;
                counted.ended(how(&outcome));
                drop(counted);
                // Who no longer waits needs no answer.
                let _ = answer.send(outcome);
            });
        Self {
            lines,
            outcome,
            ended: None,
            since,
            ending: context.ending.clone(),
            _hung_up: hung_up,
        }
    }

    /// Answers how long ago its request came.
    pub(super) fn age(&self) -> Duration {
        self.since.elapsed()
    }

    /// Waits until something happens, or `patience` is over.
    pub(super) async fn next(&mut self, patience: Duration) -> Next {
        timeout(patience, self.happening()).await.unwrap_or(Next::Quiet)
    }

    async fn happening(&mut self) -> Next {
        let mut told = Vec::new();
        if self.ended.is_none() {
            tokio::select! {
                biased;
                count = self.lines.recv_many(&mut told, MOST), if !self.lines.is_closed() => {
                    if count > 0 {
                        return Next::Lines(told);
                    }
                }
                outcome = &mut self.outcome => self.ended = Some(self.judged(outcome)),
            }
        }
        self.rest().await
    }

    /// What is told after the lines have ended, or the build has.
    async fn rest(&mut self) -> Next {
        if self.ended.is_none() {
            let outcome = (&mut self.outcome).await;
            self.ended = Some(self.judged(outcome));
        }
        let told: Vec<String> = std::iter::from_fn(|| self.lines.try_recv().ok())
            .take(MOST)
            .collect();
        match self.ended.take() {
            Some(ended) if told.is_empty() => Next::Ended(ended),
            ended => {
                self.ended = ended;
                Next::Lines(told)
            }
        }
    }

    fn judged(
        &self,
        outcome: Result<Result<FunctionImage, FunctionBuildError>, oneshot::error::RecvError>,
    ) -> Result<FunctionImage, BuildFailure> {
        match outcome {
            Ok(Ok(image)) => Ok(image),
            Ok(Err(error))
                if matches!(error.trouble, BuildTrouble::Cancelled) && self.ending.is_cancelled() =>
            {
                Err(BuildFailure::Stopping)
            }
            Ok(Err(error)) => Err(BuildFailure::Said(error)),
            Err(_) if self.ending.is_cancelled() => Err(BuildFailure::Stopping),
            Err(_) => Err(BuildFailure::Broken),
        }
    }
}

fn how(outcome: &Result<FunctionImage, FunctionBuildError>) -> Ended {
    match outcome {
        Ok(_) => Ended::Success,
        Err(error) if matches!(error.trouble, BuildTrouble::Cancelled) => Ended::Cancelled,
        Err(_) => Ended::Failed,
    }
}
