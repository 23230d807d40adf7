//! How a sandbox comes to be: it waits for a worker, the worker makes it, and its first process says that it is there.

use std::collections::BTreeMap;
use std::time::Instant;

use coracle_sandbox::wire::Answer;
use coracle_sandbox::{Refusal, SandboxId, SandboxSpec};

use super::client::Caller;
use super::instance::{Creating, Handle, Instance, Phase};
use super::refused::{NotExecuted, Refused};
use super::requests::Reply;
use super::state::{BUSY_WORKERS, CREATION_DEADLINE, Keeper};
use crate::lifeline::{Report, hear};
use crate::worker::Outcome;

impl Keeper {
    pub(super) fn enqueue(&mut self, caller: Caller, spec: SandboxSpec) -> Result<Reply, Refused> {
        if self.is_ending() {
            return Err(Refused::Ending);
        }
        if self.instances.contains_key(&spec.id) {
            return Err(Refused::Exists(spec.id));
        }
        if self.instances.len() >= self.capacity {
            return Err(Refused::TooMany(self.capacity));
        }
        let id = spec.id.clone();
        self.instances.insert(id.clone(), Instance::new(spec, caller)?);
        self.queue.push_back(id);
        self.hand_out();
        Ok(Reply::Later)
    }

    /// Gives waiting sandboxes to workers, as many at once as may be.
    pub(super) fn hand_out(&mut self) {
        let busy = self
            .instances
            .values()
            .filter(|instance| matches!(instance.phase, Phase::Creating(_)))
            .count();
        for _ in busy..BUSY_WORKERS {
            let Some(id) = self.queue.pop_front() else { return };
            if let Err(refused) = self.hand_to_worker(&id) {
                self.fail_creation(&id, &refused);
            }
        }
    }

    fn hand_to_worker(&mut self, id: &SandboxId) -> Result<(), Refused> {
        let mut worker = self.take_worker()?;
        let Some(instance) = self.instances.get_mut(id) else {
            return Ok(());
        };
        let Phase::Queued(caller) = instance.phase else {
            return Ok(());
        };
        let given = instance.take_given();
        worker.hand(&instance.spec, given)?;
        for file in &mut instance.spec.files {
            file.contents.clear();
        }
        instance.group = Some(self.prepared.workshop.groups.of(worker.number()));
        let deadline = Instant::now() + CREATION_DEADLINE;
        instance.phase = Phase::Creating(Creating {
            caller,
            worker,
            deadline,
            reported: false,
            micros: BTreeMap::new(),
        });
        Ok(())
    }

    /// Takes what a worker says.
    pub(super) fn hear_worker(&mut self, id: &SandboxId) {
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        let Phase::Creating(creating) = &mut instance.phase else {
            return;
        };
        match creating.worker.outcome() {
            Ok(None) => {}
            Ok(Some(received)) => match (received.message, <[_; 2]>::try_from(received.descriptors)) {
                (Outcome::Created { pid, micros }, Ok([pidfd, netns])) => {
                    creating.micros = micros;
                    instance.handle = Some(Handle { pid, pidfd, netns });
                    self.finish_creation(id);
                }
                (Outcome::Failed(refusal), _) => self.fail_creation_with(id, refusal),
                (Outcome::Created { .. }, Err(_)) => self.fail_creation(id, &Refused::WorkerEnded),
            },
            Err(_) => self.fail_creation(id, &Refused::WorkerEnded),
        }
    }

    /// Takes what the first process of a sandbox says, to the last word.
    pub(super) fn hear_lifeline(&mut self, id: &SandboxId) {
        while let Some(instance) = self.instances.get_mut(id) {
            let Some(lifeline) = &instance.lifeline else {
                return;
            };
            match hear(lifeline) {
                Ok(Some(report)) => self.take_report(id, report),
                Ok(None) => return,
                Err(_) => {
                    instance.lifeline = None;
                    return self.finish_creation(id);
                }
            }
        }
    }

    fn take_report(&mut self, id: &SandboxId, report: Report) {
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        match (report, &mut instance.phase) {
            (Report::Ready, Phase::Creating(creating)) => {
                creating.reported = true;
                self.finish_creation(id);
            }
            (Report::Started, Phase::Starting(caller)) => {
                let caller = *caller;
                instance.phase = Phase::Running;
                self.send(caller.client, &caller.reply(Ok(Answer::Done)), Vec::new());
            }
            (Report::NotStarted(failure), Phase::Starting(caller)) => {
                let caller = *caller;
                let program = instance.spec.process.args.first().cloned().unwrap_or_default();
                instance.phase = Phase::Running;
                self.refuse(caller, &NotExecuted::new(program, failure).into());
            }
            (Report::Ended(exit), _) => instance.reported = Some(exit),
            _ => {}
        }
    }

    /// Tells the caller once both the worker and the first process have said that the sandbox is there.
    fn finish_creation(&mut self, id: &SandboxId) {
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        let Phase::Creating(creating) = &instance.phase else {
            return;
        };
        let Some(handle) = &instance.handle else { return };
        if !creating.reported {
            if instance.lifeline.is_none() {
                self.fail_creation(id, &Refused::FirstProcessEnded);
            }
            return;
        }
        let (caller, answer) = (creating.caller, creating.answer(handle));
        let limited = instance
            .group()
            .and_then(|group| group.limit(&instance.spec.limits).map_err(Refused::Limit));
        match limited.and_then(|()| Ok(instance.descriptors()?)) {
            Ok(descriptors) => {
                instance.dismiss_worker();
                self.send(caller.client, &caller.reply(Ok(answer)), descriptors);
                self.hand_out();
            }
            Err(refused) => self.fail_creation(id, &refused),
        }
    }

    /// Gives a creation up.
    pub(super) fn fail_creation(&mut self, id: &SandboxId, refused: &Refused) {
        self.fail_creation_with(id, Refusal::of(refused));
    }

    /// The caller is told once nothing is left, so that the name is free again.
    fn fail_creation_with(&mut self, id: &SandboxId, refusal: Refusal) {
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        let caller = match &instance.phase {
            Phase::Queued(caller) => *caller,
            Phase::Creating(creating) => {
                crate::process::kill(creating.worker.pid());
                creating.caller
            }
            _ => return,
        };
        instance.kill();
        instance.phase = Phase::Failed(caller, refusal);
        instance.lifeline = None;
        self.clear(id);
        self.hand_out();
    }

    /// A worker has ended: after its work that is as it should be.
    pub(super) fn worker_ended(&mut self, id: &SandboxId) {
        // Its last words may still be in the socket.
        self.hear_worker(id);
        self.fail_creation(id, &Refused::WorkerEnded);
    }
}
