//! Bodies that were sent before: nothing in a signature says when it was made, so whoever has seen one could send it
//! again. For those who mind, signatures are remembered for a while; a restart forgets them.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use coracle_spec::{Class, Failure};
use tokio::time::Instant;

use super::payload::Signature;

/// The most signatures that are remembered: the oldest makes room.
const MOST: usize = 100_000;

/// Remembers the signatures of bodies that were taken.
#[derive(Debug)]
pub(super) struct Seen {
    span: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    order: VecDeque<(Instant, [u8; 32])>,
    known: HashSet<[u8; 32]>,
}

/// The same body was taken before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this body was taken before")]
pub struct Replayed;

impl Failure for Replayed {
    fn class(&self) -> Class {
        Class::Conflict
    }

    fn hint(&self) -> Option<String> {
        Some(
            "change the archive, a file's time is enough, or wait until the replay window is over".to_owned(),
        )
    }
}

impl Seen {
    /// Remembers each signature for `span`.
    pub(super) fn new(span: Duration) -> Self {
        Self {
            span,
            state: Mutex::default(),
        }
    }

    /// Remembers a signature, unless it is remembered already.
    pub(super) fn take(&self, signature: &Signature) -> Result<(), Replayed> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        while let Some((since, old)) = state.order.front().copied()
            && (now.duration_since(since) >= self.span || state.order.len() >= MOST)
        {
            state.order.pop_front();
            state.known.remove(&old);
        }
        if !state.known.insert(signature.0) {
            return Err(Replayed);
        }
        state.order.push_back((now, signature.0));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_is_taken_once_in_a_window() {
        let seen = Seen::new(Duration::from_mins(5));
        let (one, other) = (Signature([1; 32]), Signature([2; 32]));
        assert_eq!(seen.take(&one), Ok(()));
        assert_eq!(seen.take(&other), Ok(()));
        assert_eq!(seen.take(&one), Err(Replayed));
        tokio::time::advance(Duration::from_mins(5)).await;
        assert_eq!(seen.take(&one), Ok(()));
    }

    #[test]
    fn no_more_are_remembered_than_there_is_room_for() {
        let seen = Seen::new(Duration::from_hours(1));
        for number in 0..=MOST {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&number.to_le_bytes());
            seen.take(&Signature(bytes)).unwrap();
        }
        assert_eq!(seen.state.lock().unwrap().order.len(), MOST);
        assert_eq!(seen.take(&Signature([0; 32])), Ok(()), "the oldest made room");
    }
}
