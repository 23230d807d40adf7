//! The books of one revision: which instances there are, how many requests each has in flight, who waits.
//!
//! Pure: no locks, no tasks, no clock of its own, so that its accounting can be tested against a model. A place
//! is reserved here before anything is sent, and a free place goes to whoever waits longest.

use std::collections::VecDeque;
use std::num::NonZeroU32;

use tokio::time::Instant;

use crate::id::InstanceId;

/// Where an instance stands: `Ready ⇄ Paused`, `Ready → Draining → (gone)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Takes requests.
    Ready,
    /// Takes none until it is resumed: frozen, or about to be ended.
    Paused,
    /// Takes no more, and ends what it has.
    Draining,
}

/// What is known of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceState {
    /// Which instance.
    pub id: InstanceId,
    /// Where it stands.
    pub phase: Phase,
    /// Requests in flight, streams and upgraded connections included.
    pub in_flight: u32,
    /// When it became what it is: since when it has nothing in flight, if it has nothing.
    pub since: Instant,
}

/// The place of an instance in the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(usize);

/// The number of a place in the queue. Later ones are larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// The queue is as long as it may be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// The books, of instances `I` and of waiting requests `W`.
pub(crate) struct Book<I, W> {
    concurrency: u32,
    entries: Vec<Option<Entry<I>>>,
    waiting: VecDeque<Waiting<W>>,
    next_ticket: u64,
}

struct Waiting<W> {
    ticket: Ticket,
    since: Instant,
    waiter: W,
}

struct Entry<I> {
    instance: I,
    state: InstanceState,
    /// Gone for everybody but the requests it still has.
    removed: bool,
}

impl<I: Clone, W> Book<I, W> {
    pub(crate) fn new(concurrency: NonZeroU32) -> Self {
        Self {
            concurrency: concurrency.get(),
            entries: Vec::new(),
            waiting: VecDeque::new(),
            next_ticket: 0,
        }
    }

    /// Changes how many requests one instance serves at once. Those beyond it that are served already finish.
    pub(crate) fn set_concurrency(&mut self, concurrency: NonZeroU32) {
        self.concurrency = concurrency.get();
    }

    /// Reserves a place on the ready instance with the fewest requests in flight, if any has a free one.
    pub(crate) fn reserve(&mut self) -> Option<(Key, I)> {
        self.reserve_where(|_| true)
    }

    /// Does what [`Book::reserve`] does, on another instance than that of `key`.
    pub(crate) fn reserve_beside(&mut self, key: Key) -> Option<(Key, I)> {
        self.reserve_where(|other| other != key)
    }

    fn reserve_where(&mut self, may: impl Fn(Key) -> bool) -> Option<(Key, I)> {
        let least = self
            .entries
            .iter_mut()
            .enumerate()
            .filter(|(index, _)| may(Key(*index)))
            .filter_map(|(index, entry)| Some((index, entry.as_mut()?)))
            .filter(|(_, entry)| {
                entry.state.phase == Phase::Ready && entry.state.in_flight < self.concurrency
            })
            .min_by_key(|(_, entry)| entry.state.in_flight)?;
        let (index, entry) = least;
        entry.state.in_flight += 1;
        Some((Key(index), entry.instance.clone()))
    }

    /// Gives a place back. Answers whether the instance has nothing in flight now.
    pub(crate) fn release(&mut self, key: Key, now: Instant) -> bool {
        let Some(entry) = self.entries[key.0].as_mut() else {
            return false;
        };
        entry.state.in_flight -= 1;
        let idle = entry.state.in_flight == 0;
        if idle {
            entry.state.since = now;
            if entry.removed {
                self.entries[key.0] = None;
            }
        }
        idle
    }

    /// Adds an instance that is ready.
    pub(crate) fn add(&mut self, id: InstanceId, instance: I, now: Instant) {
        let state = InstanceState {
            id,
            phase: Phase::Ready,
            in_flight: 0,
            since: now,
        };
        let entry = Some(Entry {
            instance,
            state,
            removed: false,
        });
        match self.entries.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = entry,
            None => self.entries.push(entry),
        }
    }

    /// Puts a waiting request at the end of the queue.
    pub(crate) fn enqueue(&mut self, waiter: W, length: usize, now: Instant) -> Result<Ticket, Full> {
        if self.waiting.len() >= length {
            return Err(Full);
        }
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.waiting.push_back(Waiting {
            ticket,
            since: now,
            waiter,
        });
        Ok(ticket)
    }

    /// Takes a request that gave up out of the queue; nothing happens when it has left already.
    pub(crate) fn withdraw(&mut self, ticket: Ticket) {
        if let Ok(index) = self
            .waiting
            .binary_search_by_key(&ticket, |waiting| waiting.ticket)
        {
            self.waiting.remove(index);
        }
    }

    /// Reserves a free place for the request that waits longest, if there are both.
    pub(crate) fn serve_next(&mut self) -> Option<(Key, I, W)> {
        if self.waiting.is_empty() {
            return None;
        }
        let (key, instance) = self.reserve()?;
        self.waiting
            .pop_front()
            .map(|waiting| (key, instance, waiting.waiter))
    }

    /// Takes everybody out of the queue.
    pub(crate) fn take_waiting(&mut self) -> Vec<W> {
        self.waiting.drain(..).map(|waiting| waiting.waiter).collect()
    }

    /// Answers since when the request that waits longest does so.
    pub(crate) fn waiting_since(&self) -> Option<Instant> {
        self.waiting.front().map(|waiting| waiting.since)
    }

    /// Answers how many requests wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Answers whether any instance is ready, with a free place or without.
    pub(crate) fn has_ready(&self) -> bool {
        self.present().any(|entry| entry.state.phase == Phase::Ready)
    }

    /// Pauses an instance if it is ready and has nothing in flight. Answers the instance if that was so.
    pub(crate) fn pause(&mut self, id: &InstanceId) -> Option<I> {
        let entry = self.find(id)?;
        let idle = entry.state.phase == Phase::Ready && entry.state.in_flight == 0;
        idle.then(|| {
            entry.state.phase = Phase::Paused;
            entry.instance.clone()
        })
    }

    /// Makes a paused instance ready. Answers whether it was paused.
    pub(crate) fn resume(&mut self, id: &InstanceId, now: Instant) -> bool {
        match self.find(id) {
            Some(entry) if entry.state.phase == Phase::Paused => {
                entry.state.phase = Phase::Ready;
                entry.state.since = now;
                true
            }
            _ => false,
        }
    }

    /// Gives an instance no more requests. Answers it, if it is known.
    pub(crate) fn drain(&mut self, id: &InstanceId) -> Option<I> {
        let entry = self.find(id)?;
        entry.state.phase = Phase::Draining;
        Some(entry.instance.clone())
    }

    /// Forgets an instance; the requests it still has give their places back as ever. Answers it, if known.
    pub(crate) fn remove(&mut self, id: &InstanceId) -> Option<I> {
        let index = self.entries.iter().position(|entry| {
            entry
                .as_ref()
                .is_some_and(|entry| !entry.removed && entry.state.id == *id)
        })?;
        let entry = self.entries[index].as_mut()?;
        let instance = entry.instance.clone();
        entry.removed = true;
        entry.state.phase = Phase::Draining;
        if entry.state.in_flight == 0 {
            self.entries[index] = None;
        }
        Some(instance)
    }

    /// Answers the requests that an instance has in flight, `None` when it is unknown.
    pub(crate) fn in_flight(&self, id: &InstanceId) -> Option<u32> {
        self.present()
            .find(|entry| entry.state.id == *id)
            .map(|entry| entry.state.in_flight)
    }

    /// Answers what is known of every instance.
    pub(crate) fn states(&self) -> Vec<InstanceState> {
        self.present().map(|entry| entry.state.clone()).collect()
    }

    fn present(&self) -> impl Iterator<Item = &Entry<I>> {
        self.entries.iter().flatten().filter(|entry| !entry.removed)
    }

    fn find(&mut self, id: &InstanceId) -> Option<&mut Entry<I>> {
        self.entries
            .iter_mut()
            .flatten()
            .find(|entry| !entry.removed && entry.state.id == *id)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Something that happens to the books. Numbers choose among what there is.
    #[derive(Debug, Clone)]
    enum Step {
        Ask,
        Finish(usize),
        GiveUp(usize),
        Add,
        Pause(usize),
        Resume(usize),
        Drain(usize),
        Remove(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => Just(Step::Ask),
            3 => any::<usize>().prop_map(Step::Finish),
            1 => any::<usize>().prop_map(Step::GiveUp),
            1 => Just(Step::Add),
            1 => any::<usize>().prop_map(Step::Pause),
            1 => any::<usize>().prop_map(Step::Resume),
            1 => any::<usize>().prop_map(Step::Drain),
            1 => any::<usize>().prop_map(Step::Remove),
        ]
    }

    const CONCURRENCY: u32 = 2;

    /// The books, and what a plain count of events says they hold.
    struct Model {
        book: Book<InstanceId, u32>,
        now: Instant,
        added: Vec<InstanceId>,
        placed: Vec<(Key, InstanceId)>,
        waiting: Vec<(Ticket, u32)>,
        asked: u32,
    }

    impl Model {
        fn new() -> Self {
            let book = Book::new(NonZeroU32::new(CONCURRENCY).unwrap());
            let now = Instant::now();
            Self {
                book,
                now,
                added: Vec::new(),
                placed: Vec::new(),
                waiting: Vec::new(),
                asked: 0,
            }
        }

        fn take(&mut self, step: &Step) {
            match step {
                Step::Ask => self.ask(),
                Step::Finish(which) if !self.placed.is_empty() => {
                    let (key, _) = self.placed.swap_remove(which % self.placed.len());
                    self.book.release(key, self.now);
                }
                Step::GiveUp(which) if !self.waiting.is_empty() => {
                    let (ticket, _) = self.waiting.remove(which % self.waiting.len());
                    self.book.withdraw(ticket);
                }
                Step::Add => {
                    let id = InstanceId::from(self.added.len().to_string());
                    self.book.add(id.clone(), id.clone(), self.now);
                    self.added.push(id);
                }
                Step::Pause(which) => drop(self.chosen(*which).map(|id| self.book.pause(&id))),
                Step::Resume(which) => drop(self.chosen(*which).map(|id| self.book.resume(&id, self.now))),
                Step::Drain(which) => drop(self.chosen(*which).map(|id| self.book.drain(&id))),
                Step::Remove(which) => drop(self.chosen(*which).map(|id| self.book.remove(&id))),
                Step::Finish(_) | Step::GiveUp(_) => {}
            }
            self.serve();
        }

        fn chosen(&self, which: usize) -> Option<InstanceId> {
            (!self.added.is_empty()).then(|| self.added[which % self.added.len()].clone())
        }

        fn ask(&mut self) {
            self.asked += 1;
            if self.book.waiting() == 0
                && let Some(place) = self.book.reserve()
            {
                self.placed.push(place);
            } else {
                let ticket = self.book.enqueue(self.asked, usize::MAX, self.now).unwrap();
                self.waiting.push((ticket, self.asked));
            }
        }

        /// Whoever is served is the one that waited longest.
        fn serve(&mut self) {
            while let Some((key, id, who)) = self.book.serve_next() {
                let (_, longest) = self.waiting.remove(0);
                assert_eq!(who, longest);
                self.placed.push((key, id));
            }
        }

        fn check(&self) {
            assert_eq!(self.book.waiting(), self.waiting.len());
            for state in self.book.states() {
                let placed = self.placed.iter().filter(|(_, id)| *id == state.id).count();
                assert_eq!(state.in_flight as usize, placed, "{state:?}");
                assert!(state.in_flight <= CONCURRENCY, "{state:?}");
                assert!(state.phase != Phase::Paused || state.in_flight == 0, "{state:?}");
                let free = state.phase == Phase::Ready && state.in_flight < CONCURRENCY;
                assert!(
                    !free || self.waiting.is_empty(),
                    "{state:?} is free while requests wait"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn counts_are_exact_whatever_happens(steps in prop::collection::vec(step(), 0..120)) {
            let mut model = Model::new();
            for step in &steps {
                model.take(step);
                model.check();
            }
        }
    }
}
