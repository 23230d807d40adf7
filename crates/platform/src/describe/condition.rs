//! How a function does, in one word and one sentence.

use coracle_state::Event;
use serde::de::DeserializeOwned;

use super::detail::{Happened, InstanceDetail};
use crate::happening::{Exited, StartFailed};
use crate::instance::State;

/// How a function does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// An instance serves.
    Ready,
    /// An instance starts, and none serves.
    Starting,
    /// No instance is there, and the next request starts one.
    Asleep,
    /// No instance is there, and the last one did not start or ended by itself.
    Failing,
    /// No revision of it was ever ready.
    NeverReady,
}

/// How a function does, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The word.
    pub standing: Standing,
    /// The sentence, for people.
    pub reason: String,
}

impl Standing {
    /// Answers the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Starting => "starting",
            Self::Asleep => "asleep",
            Self::Failing => "failing",
            Self::NeverReady => "never ready",
        }
    }
}

/// Answers how a function does, of which revision `serving` serves. `events` begin with the newest.
pub(super) fn condition(serving: Option<u64>, instances: &[InstanceDetail], events: &[Event]) -> Condition {
    let counted = |state| instances.iter().filter(|one| one.state == state).count();
    let (ready, frozen) = (counted(State::Ready), counted(State::Frozen));
    let (standing, reason) = match serving {
        None => (
            Standing::NeverReady,
            "no revision of it was ever ready".to_owned(),
        ),
        Some(_) if ready + frozen > 0 => (Standing::Ready, serves(ready, frozen)),
        Some(_) if counted(State::Starting) > 0 => (Standing::Starting, "an instance starts".to_owned()),
        Some(serving) => without_instances(serving, events),
    };
    Condition { standing, reason }
}

fn serves(ready: usize, frozen: usize) -> String {
    match (ready, frozen) {
        (0, 1) => "an instance is frozen until the next request".to_owned(),
        (0, frozen) => format!("{frozen} instances are frozen until the next request"),
        (1, _) => "an instance serves".to_owned(),
        (ready, _) => format!("{ready} instances serve"),
    }
}

/// Tells sleep from failure by what happened last.
fn without_instances(serving: u64, events: &[Event]) -> (Standing, String) {
    let last = events.iter().find_map(|event| match event.kind.as_str() {
        "started" | "adopted" => Some(None),
        "start_failed" => read::<StartFailed>(event)
            .filter(|failed| failed.revision == serving)
            .map(|failed| Some(failed.cause)),
        "exited" => read::<Exited>(event)
            .filter(|exited| exited.revision == serving)
            .map(|exited| (!exited.told_to).then_some(exited.how)),
        _ => None,
    });
    match last.flatten() {
        Some(why) => (Standing::Failing, format!("{why}; the next request tries again")),
        None => (Standing::Asleep, "the next request starts an instance".to_owned()),
    }
}

/// Answers what the events of one kind say to programs, newest first.
pub(super) fn happened<T: DeserializeOwned>(events: &[Event], kind: &str) -> Vec<Happened<T>> {
    let of_kind = events.iter().filter(|event| event.kind == kind);
    of_kind
        .filter_map(|event| {
            Some(Happened {
                at: event.at,
                what: read(event)?,
            })
        })
        .collect()
}

fn read<T: DeserializeOwned>(event: &Event) -> Option<T> {
    T::deserialize(event.detail.as_ref()?).ok()
}

#[cfg(test)]
mod tests {
    use coracle_sandbox::Exit;

    use super::*;
    use crate::happening::detail;

    fn exited(revision: u64, told_to: bool) -> Event {
        let what = Exited::of(revision, "hello-1".to_owned(), Exit::Code(3), told_to);
        Event {
            at: 0,
            kind: "exited".to_owned(),
            message: String::new(),
            detail: detail(&what),
        }
    }

    #[test]
    fn without_instances_what_happened_last_tells_sleep_from_failure() {
        for (events, standing) in [
            (vec![], Standing::Asleep),
            (vec![exited(1, true), exited(1, false)], Standing::Asleep),
            (vec![exited(1, false), exited(1, true)], Standing::Failing),
            (vec![exited(2, false), exited(1, true)], Standing::Asleep),
        ] {
            assert_eq!(condition(Some(1), &[], &events).standing, standing, "{events:?}");
        }
        assert_eq!(condition(None, &[], &[]).standing, Standing::NeverReady);
    }
}
