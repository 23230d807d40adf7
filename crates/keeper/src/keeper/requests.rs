//! What the keeper does when asked, and when something happens to a sandbox.

use std::collections::BTreeMap;
use std::time::Instant;

use coracle_sandbox::wire::{Answer, Event, Operation, Request};
use coracle_sandbox::{Exit, Refusal, SandboxId, SandboxSpec};

use super::client::Caller;
use super::instance::{Clearing, Creating, Handle, Instance, Phase};
use super::janitor;
use super::refused::{NotExecuted, Refused};
use super::state::{BUSY_WORKERS, CREATION_DEADLINE, Keeper};
use crate::lifeline::{Command, Report, hear, tell};
use crate::worker::Outcome;

/// Whether an answer goes out now, or when something has happened.
enum Reply {
    Now(Answer),
    Later,
}

impl Keeper {
    /// Does what a client asks.
    pub(super) fn perform(&mut self, client: u64, request: Request) {
        let caller = Caller {
            client,
            number: request.number,
        };
        match self.dispatch(caller, request.operation) {
            Ok(Reply::Now(answer)) => self.send(client, &caller.reply(Ok(answer)), Vec::new()),
            Ok(Reply::Later) => {}
            Err(refused) => self.refuse(caller, &refused),
        }
    }

    fn dispatch(&mut self, caller: Caller, operation: Operation) -> Result<Reply, Refused> {
        match operation {
            Operation::Create(spec) => return self.enqueue(caller, *spec),
            Operation::Start(id) => return self.start(caller, &id),
            Operation::Remove(id) => return self.remove(caller, &id),
            Operation::Signal(id, number) => self.signal(&id, number)?,
            Operation::Kill(id) => self.known(&id)?.kill(),
            Operation::Freeze(id) => self.set_frozen(&id, true)?,
            Operation::Thaw(id) => self.set_frozen(&id, false)?,
            Operation::LimitCpu(id, cpu) => {
                self.known(&id)?.group()?.limit_cpu(cpu)?;
            }
            Operation::List => self.list(caller.client),
            Operation::Shutdown => self.end(),
        }
        Ok(Reply::Now(Answer::Done))
    }

    fn known(&mut self, id: &SandboxId) -> Result<&mut Instance, Refused> {
        self.instances
            .get_mut(id)
            .ok_or_else(|| Refused::Unknown(id.clone()))
    }

    fn enqueue(&mut self, caller: Caller, spec: SandboxSpec) -> Result<Reply, Refused> {
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

    fn start(&mut self, caller: Caller, id: &SandboxId) -> Result<Reply, Refused> {
        let instance = self.known(id)?;
        let lifeline = match (&instance.phase, &instance.lifeline) {
            (Phase::Created, Some(lifeline)) => lifeline,
            (phase, _) => return Err(Refused::State { state: phase.name() }),
        };
        tell(lifeline, &Command::Start)?;
        instance.phase = Phase::Starting(caller);
        self.stock.touch();
        Ok(Reply::Later)
    }

    fn signal(&mut self, id: &SandboxId, number: i32) -> Result<(), Refused> {
        let instance = self.known(id)?;
        match (&instance.phase, &instance.lifeline) {
            (Phase::Running, Some(lifeline)) => Ok(tell(lifeline, &Command::Signal(number))?),
            (phase, _) => Err(Refused::State { state: phase.name() }),
        }
    }

    fn set_frozen(&mut self, id: &SandboxId, frozen: bool) -> Result<(), Refused> {
        let instance = self.known(id)?;
        if !matches!(
            instance.phase,
            Phase::Created | Phase::Starting(_) | Phase::Running
        ) {
            return Err(Refused::State {
                state: instance.phase.name(),
            });
        }
        Ok(instance.group()?.set_frozen(frozen)?)
    }

    fn list(&mut self, client: u64) {
        let mut found = Vec::new();
        for instance in self.instances.values() {
            let (Some(handle), Ok(descriptors)) = (&instance.handle, instance.descriptors()) else {
                continue;
            };
            let started = !matches!(instance.phase, Phase::Created | Phase::Creating(_));
            let spec = Box::new(instance.spec.clone());
            found.push((
                Event::Found {
                    spec,
                    pid: handle.pid,
                    started,
                    exit: instance.exit(),
                },
                descriptors,
            ));
        }
        for (event, descriptors) in found {
            self.send(client, &event, descriptors);
        }
    }

    fn remove(&mut self, caller: Caller, id: &SandboxId) -> Result<Reply, Refused> {
        self.known(id)?.removals.push(caller);
        self.abort(
            id,
            &Refused::State {
                state: "being removed",
            },
        );
        self.settle(id);
        Ok(Reply::Later)
    }

    /// Kills what runs and gives up what is being created.
    pub(super) fn abort(&mut self, id: &SandboxId, reason: &Refused) {
        let Some(instance) = self.instances.get(id) else {
            return;
        };
        match instance.phase {
            Phase::Queued(_) | Phase::Creating(_) => self.fail_creation(id, reason),
            _ => instance.kill(),
        }
    }

    /// The first process of a sandbox has ended, and with it everything inside.
    pub(super) fn first_ended(&mut self, id: &SandboxId, status: Exit) {
        self.hear_lifeline(id);
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        let out_of_memory = instance
            .group()
            .is_ok_and(|group| group.out_of_memory_kills() > 0);
        if matches!(instance.phase, Phase::Creating(_)) {
            return self.fail_creation(id, &Refused::FirstProcessEnded);
        }
        if instance.is_over() {
            return;
        }
        let exit = judge(instance.reported.unwrap_or(status), out_of_memory);
        instance.lifeline = None;
        if let Phase::Starting(caller) = std::mem::replace(&mut instance.phase, Phase::Ended(exit)) {
            self.refuse(caller, &Refused::FirstProcessEnded);
        }
        self.broadcast(&Event::Exited(id.clone(), exit));
        self.clear(id);
    }

    /// Starts clearing away; when no process can be made for it, the watchdog will do it at the end.
    fn clear(&mut self, id: &SandboxId) {
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        if instance.clearing != Clearing::NotYet {
            return;
        }
        let Ok(group) = instance.group() else {
            instance.clearing = Clearing::Done;
            return self.settle(id);
        };
        match janitor::start(group) {
            Ok(pid) => instance.clearing = Clearing::By(pid),
            Err(error) => {
                instance.clearing = Clearing::Done;
                self.broadcast(&Event::Warning(format!(
                    "cannot clear away after sandbox `{id}`: {error}"
                )));
                self.settle(id);
            }
        }
    }

    /// A janitor has ended.
    pub(super) fn cleared(&mut self, id: &SandboxId, exit: Exit) {
        if !exit.is_success() {
            self.broadcast(&Event::Warning(format!(
                "something is left of sandbox `{id}` in the control groups"
            )));
        }
        if let Some(instance) = self.instances.get_mut(id) {
            instance.clearing = Clearing::Done;
        }
        self.settle(id);
    }

    /// Forgets a sandbox that is over, cleared away, and not wanted any more.
    pub(super) fn settle(&mut self, id: &SandboxId) {
        let ending = self.is_ending();
        let Some(instance) = self.instances.get(id) else {
            return;
        };
        let unwanted = ending || matches!(instance.phase, Phase::Failed(..)) || !instance.removals.is_empty();
        if !instance.is_over() || instance.clearing != Clearing::Done || !unwanted {
            return;
        }
        let Some(instance) = self.instances.remove(id) else {
            return;
        };
        if let Phase::Failed(caller, refusal) = instance.phase {
            self.send(caller.client, &caller.reply(Err(refusal)), Vec::new());
        }
        for caller in instance.removals {
            self.send(caller.client, &caller.reply(Ok(Answer::Done)), Vec::new());
        }
    }
}

/// The kernel kills by `SIGKILL` what is out of memory; a shell passes that on as a code.
fn judge(exit: Exit, out_of_memory: bool) -> Exit {
    match exit {
        Exit::Signal(libc::SIGKILL) | Exit::Code(137) if out_of_memory => Exit::OutOfMemory,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_is_for_want_of_memory_only_when_the_kernel_counted_one() {
        for (exit, counted, expected) in [
            (Exit::Signal(9), true, Exit::OutOfMemory),
            (Exit::Code(137), true, Exit::OutOfMemory),
            (Exit::Signal(9), false, Exit::Signal(9)),
            (Exit::Signal(15), true, Exit::Signal(15)),
            (Exit::Code(1), true, Exit::Code(1)),
        ] {
            assert_eq!(judge(exit, counted), expected, "{exit} {counted}");
        }
    }
}
