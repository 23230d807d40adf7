//! The states of an instance.
//!
//! ```text
//! starting ──► ready ⇄ frozen
//!     │          │        │
//!     │          └► draining ◄┘
//!     ▼                │
//!    gone ◄────────────┘        (and from every state, when the program ends by itself)
//! ```

use std::fmt;

/// Where an instance is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Its sandbox is being made, or its program has not answered the probe.
    Starting,
    /// It gets requests.
    Ready,
    /// Its clock stands still until the next request.
    Frozen,
    /// It finishes the requests it has, and gets no more.
    Draining,
    /// It has ended.
    Gone,
}

impl State {
    /// Answers whether an instance in this state may enter `next`.
    pub fn may_become(self, next: Self) -> bool {
        use State::{Draining, Frozen, Gone, Ready, Starting};
        match (self, next) {
            (Starting | Frozen, Ready) | (Ready, Frozen) | (Starting | Ready | Frozen, Draining) => true,
            (from, Gone) => from != Gone,
            _ => false,
        }
    }

    /// Answers the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Frozen => "frozen",
            Self::Draining => "draining",
            Self::Gone => "gone",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::State::{self, Draining, Frozen, Gone, Ready, Starting};

    const ALL: [State; 5] = [Starting, Ready, Frozen, Draining, Gone];

    #[test]
    fn nothing_leaves_gone_and_every_other_state_reaches_it() {
        for state in ALL {
            assert!(!Gone.may_become(state), "{state}");
            assert_eq!(state.may_become(Gone), state != Gone, "{state}");
        }
    }

    #[test]
    fn only_a_ready_instance_freezes_and_a_draining_one_never_serves_again() {
        assert_eq!(
            ALL.map(|state| state.may_become(Frozen)),
            [false, true, false, false, false]
        );
        assert_eq!(
            ALL.map(|state| state.may_become(Ready)),
            [true, false, true, false, false]
        );
    }
}
