//! What the keeper does when asked.

use coracle_sandbox::SandboxId;
use coracle_sandbox::wire::{Answer, Event, Operation, Request};

use super::client::Caller;
use super::instance::{Instance, Phase};
use super::refused::Refused;
use super::state::Keeper;
use crate::lifeline::{Command, tell};

/// Whether an answer goes out now, or when something has happened.
pub(super) enum Reply {
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
}
