//! One revision's door: who may enter, onto which instance, and who waits.
//!
//! A slot is reserved before anything is sent, and its guard gives it back however the exchange ends, so the
//! counts are exact. Waiting is on a notification with a deadline. The lock is held for the bookkeeping only.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coracle_tasks::Tasks;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use crate::book::{Book, InstanceState, Key, Ticket};
use crate::capacity::{Capacity, StartFailure};
use crate::id::{InstanceId, RevisionId};
use crate::instance::Instance;
use crate::limits::Limits;
use crate::refusal::Refusal;
use crate::upstream::{DialError, Upstream};

/// A revision as the gateway sees it: its bounds, its instances, and the requests that wait for one.
pub struct Revision {
    id: RevisionId,
    limits: Limits,
    capacity: Arc<dyn Capacity>,
    tasks: Tasks,
    book: Mutex<Book<Arc<Instance>, Waiter>>,
}

type Waiter = oneshot::Sender<Result<Slot, Refusal>>;

/// What a revision is doing at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Its instances; those that are removed are not among them.
    pub instances: Vec<InstanceState>,
    /// Requests that wait for a place.
    pub waiting: usize,
    /// Since when the one that waits longest does so.
    pub waiting_since: Option<Instant>,
}

/// How a request got its place.
pub(crate) struct Admitted {
    pub(crate) slot: Slot,
    /// How long it waited, and for what.
    pub(crate) wait: Wait,
}

/// What a request waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// A place on an instance that others used.
    Queue(Duration),
    /// The start of an instance.
    Start(Duration),
}

impl Revision {
    /// Makes a revision without instances, whose connections are driven by `tasks`.
    pub fn new(id: RevisionId, limits: Limits, capacity: Arc<dyn Capacity>, tasks: &Tasks) -> Arc<Self> {
        let book = Mutex::new(Book::new(limits.concurrency));
        Arc::new(Self {
            id,
            limits,
            capacity,
            tasks: tasks.clone(),
            book,
        })
    }

    /// Answers which revision this is.
    pub fn id(&self) -> &RevisionId {
        &self.id
    }

    /// Answers the bounds that it was made with.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Changes how many requests one instance serves at once: at once, for the instances there are too.
    ///
    /// Each instance keeps as many idle connections as it did.
    pub fn set_concurrency(self: &Arc<Self>, concurrency: NonZeroU32) {
        self.book().set_concurrency(concurrency);
        self.serve_waiting();
    }

    /// Adds an instance that has shown that it is ready; requests that wait get places at once.
    pub fn add(self: &Arc<Self>, id: InstanceId, upstream: Arc<dyn Upstream>) {
        let instance = Instance::new(id.clone(), upstream, &self.limits, &self.tasks);
        self.book().add(id, instance, Instant::now());
        self.serve_waiting();
        self.ask_again();
    }

    /// Takes an instance out of choice if it is ready and has nothing in flight: to freeze it, or to end it.
    ///
    /// Answers whether that was so. Until [`Revision::resume`] or [`Revision::remove`] it gets no request.
    pub fn pause(&self, id: &InstanceId) -> bool {
        let paused = self.book().pause(id);
        paused
            .as_ref()
            .inspect(|instance| instance.pool.clear())
            .is_some()
    }

    /// Gives a paused instance requests again. Answers whether it was paused.
    pub fn resume(self: &Arc<Self>, id: &InstanceId) -> bool {
        let resumed = self.book().resume(id, Instant::now());
        self.serve_waiting();
        resumed
    }

    /// Gives an instance no more requests, and waits until it has none in flight or `deadline` has passed.
    ///
    /// Answers whether none is left.
    pub async fn drain(&self, id: &InstanceId, deadline: Instant) -> bool {
        let Some(instance) = self.stop(id) else {
            return true;
        };
        let idle = async {
            loop {
                let mut notified = std::pin::pin!(instance.idle.notified());
                notified.as_mut().enable();
                if self.book().in_flight(id).unwrap_or(0) == 0 {
                    break;
                }
                notified.await;
            }
        };
        tokio::time::timeout_at(deadline, idle).await.is_ok()
    }

    /// Forgets an instance that has ended. What it has in flight fails by itself.
    pub fn remove(&self, id: &InstanceId) {
        let removed = self.book().remove(id);
        if let Some(instance) = removed {
            instance.pool.close();
            instance.idle.notify_waiters();
            self.ask_again();
        }
    }

    /// Tells everybody who waits that no instance will come. Nothing happens while another one is ready: the
    /// requests will get places there.
    pub fn fail_waiting(&self, failure: &StartFailure) {
        let hopeless = !self.book().has_ready();
        if hopeless {
            self.refuse_waiting(&Refusal::NotStarted(failure.clone()));
        }
    }

    /// Tells everybody who waits that the revision is being taken away.
    pub fn close(&self) {
        self.refuse_waiting(&Refusal::Withdrawn);
    }

    /// Answers what the revision is doing.
    pub fn observe(&self) -> Observed {
        let book = self.book();
        Observed {
            instances: book.states(),
            waiting: book.waiting(),
            waiting_since: book.waiting_since(),
        }
    }

    /// Reserves a place, waiting for one if it must.
    pub(crate) async fn admit(self: &Arc<Self>) -> Result<Admitted, Refusal> {
        let began = Instant::now();
        let mut line = match self.enter()? {
            Entered::Served(slot) => {
                return Ok(Admitted {
                    slot,
                    wait: Wait::Queue(Duration::ZERO),
                });
            }
            Entered::Waiting(line) => line,
        };
        let cold = line.cold;
        match timeout(self.limits.queue_wait, &mut line.answer).await {
            Ok(Ok(Ok(slot))) => Ok(Admitted {
                slot,
                wait: Wait::of(cold, began.elapsed()),
            }),
            Ok(Ok(Err(refusal))) => Err(refusal),
            Ok(Err(_)) => Err(Refusal::Withdrawn),
            Err(_) if cold => Err(Refusal::StartTimedOut(self.limits.queue_wait)),
            Err(_) => Err(Refusal::QueueTimedOut(self.limits.queue_wait)),
        }
    }

    /// Reserves a place on another instance than that of `tried`; where none has a free one, gives that place back and
    /// takes what comes, as anybody would.
    pub(crate) async fn admit_elsewhere(self: &Arc<Self>, tried: Slot) -> Result<Admitted, Refusal> {
        let elsewhere = self.book().reserve_beside(tried.key);
        if let Some((key, instance)) = elsewhere {
            return Ok(Admitted {
                slot: self.slot(key, instance),
                wait: Wait::Queue(Duration::ZERO),
            });
        }
        drop(tried);
        self.admit().await
    }

    /// Stops using an instance that could not be dialled, and says so.
    pub(crate) fn unreachable(&self, id: &InstanceId, error: &DialError) {
        self.stop(id);
        self.capacity.unreachable(&self.id, id, error);
        self.ask_again();
    }

    fn stop(&self, id: &InstanceId) -> Option<Arc<Instance>> {
        let instance = self.book().drain(id)?;
        instance.pool.close();
        Some(instance)
    }

    fn enter(self: &Arc<Self>) -> Result<Entered<'_>, Refusal> {
        let mut book = self.book();
        if book.waiting() == 0
            && let Some((key, instance)) = book.reserve()
        {
            return Ok(Entered::Served(self.slot(key, instance)));
        }
        let (waiter, answer) = oneshot::channel();
        let first = book.waiting() == 0;
        let cold = !book.has_ready();
        let ticket = book
            .enqueue(waiter, self.limits.queue_length, Instant::now())
            .map_err(|_| Refusal::QueueFull)?;
        drop(book);
        if first {
            self.capacity.wanted(&self.id);
        }
        Ok(Entered::Waiting(Line {
            revision: self,
            ticket,
            answer,
            cold,
        }))
    }

    /// Hands free places to those who wait, longest first.
    fn serve_waiting(self: &Arc<Self>) {
        loop {
            let served = self.book().serve_next();
            let Some((key, instance, waiter)) = served else {
                return;
            };
            // Who has left meanwhile drops the slot, here, outside the lock.
            let _ = waiter.send(Ok(self.slot(key, instance)));
        }
    }

    fn ask_again(&self) {
        if self.book().waiting() > 0 {
            self.capacity.wanted(&self.id);
        }
    }

    fn refuse_waiting(&self, refusal: &Refusal) {
        let waiting = self.book().take_waiting();
        for waiter in waiting {
            let _ = waiter.send(Err(refusal.clone()));
        }
    }

    fn slot(self: &Arc<Self>, key: Key, instance: Arc<Instance>) -> Slot {
        Slot {
            revision: Arc::clone(self),
            instance,
            key,
        }
    }

    fn release(self: &Arc<Self>, key: Key, instance: &Instance) {
        let (idle, waiting) = {
            let mut book = self.book();
            (book.release(key, Instant::now()), book.waiting() > 0)
        };
        if idle {
            instance.idle.notify_waiters();
        }
        if waiting {
            self.serve_waiting();
        }
    }

    fn book(&self) -> MutexGuard<'_, Book<Arc<Instance>, Waiter>> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Entered<'a> {
    Served(Slot),
    Waiting(Line<'a>),
}

/// A place in the queue, given up when dropped.
struct Line<'a> {
    revision: &'a Revision,
    ticket: Ticket,
    answer: oneshot::Receiver<Result<Slot, Refusal>>,
    cold: bool,
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.revision.book().withdraw(self.ticket);
    }
}

impl Wait {
    fn of(cold: bool, waited: Duration) -> Self {
        if cold {
            Self::Start(waited)
        } else {
            Self::Queue(waited)
        }
    }
}

/// A place on an instance, given back when dropped.
pub(crate) struct Slot {
    revision: Arc<Revision>,
    instance: Arc<Instance>,
    key: Key,
}

impl Slot {
    /// Answers whose place it is.
    pub(crate) fn instance(&self) -> &Arc<Instance> {
        &self.instance
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.revision.release(self.key, &self.instance);
    }
}
