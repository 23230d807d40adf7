//! How a sandbox ends: its first process is gone, what is left is cleared away, and its name is free.

use coracle_sandbox::wire::{Answer, Event};
use coracle_sandbox::{Exit, SandboxId};

use super::instance::{Clearing, Phase};
use super::janitor;
use super::refused::Refused;
use super::state::Keeper;

impl Keeper {
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
    pub(super) fn clear(&mut self, id: &SandboxId) {
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
