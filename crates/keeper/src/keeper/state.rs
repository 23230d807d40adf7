//! The keeper's loop: wait for whatever comes first, handle it, look at the deadlines.
//!
//! Nothing in here waits for anything but `poll`, so that one hanging sandbox delays no other.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use coracle_netns::Egress;
use coracle_sandbox::wire::{Connection, Event, VERSION, WireError};
use coracle_sandbox::{Refusal, SandboxId};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Resource, getrlimit};

use super::client::{self, Caller};
use super::instance::{Clearing, Creating, Instance, Phase};
use super::preflight::Prepared;
use super::refused::Refused;
use super::signals;
use super::stock::Stock;
use crate::options::Options;

/// How many create at once: they compete for processors and for locks in the kernel.
pub(super) const BUSY_WORKERS: usize = 8;
/// How many sandboxes there may be, each of which costs processes …
const MAX_INSTANCES: u64 = 4096;
/// … and descriptors: two more while it is created than after.
const DESCRIPTORS_EACH: u64 = 8;
/// How long creating one may take.
pub(super) const CREATION_DEADLINE: Duration = Duration::from_secs(30);
/// How often the rules of the way out are looked at while there are sandboxes.
const RULES_INTERVAL: Duration = Duration::from_secs(20);
/// How long the end may take before the watchdog is left to it.
const END_DEADLINE: Duration = Duration::from_secs(15);

/// The keeper.
pub(super) struct Keeper {
    pub(super) options: Options,
    pub(super) prepared: Prepared,
    pub(super) clients: BTreeMap<u64, Connection>,
    pub(super) instances: BTreeMap<SandboxId, Instance>,
    pub(super) queue: VecDeque<SandboxId>,
    pub(super) stock: Stock,
    /// When the last client went.
    abandoned: Option<Instant>,
    /// By when to be gone.
    ending: Option<Instant>,
    /// How many sandboxes there may be.
    pub(super) capacity: usize,
    next_client: u64,
    /// When the rules of the way out were last looked at.
    asserted: Instant,
}

/// What a descriptor belongs to.
#[derive(Debug, Clone)]
enum Token {
    Signals,
    Listener,
    Client(u64),
    Worker(SandboxId),
    Lifeline(SandboxId),
}

impl Keeper {
    /// Takes its first client.
    pub(super) fn new(options: Options, prepared: Prepared, first: UnixStream) -> io::Result<Self> {
        let mut keeper = Self {
            options,
            prepared,
            clients: BTreeMap::new(),
            instances: BTreeMap::new(),
            queue: VecDeque::new(),
            stock: Stock::default(),
            abandoned: None,
            ending: None,
            capacity: capacity(),
            next_client: 0,
            asserted: Instant::now(),
        };
        keeper.welcome(first)?;
        Ok(keeper)
    }

    /// Runs until there is nothing to keep any more.
    pub(super) fn run(mut self) -> io::Result<()> {
        loop {
            self.restock();
            for token in self.wait()? {
                if let Err(error) = self.handle(&token) {
                    self.broadcast(&Event::Warning(format!("the keeper stumbles: {error}")));
                }
            }
            self.reap();
            self.expire();
            self.assert_rules();
            if self
                .ending
                .is_some_and(|deadline| self.instances.is_empty() || Instant::now() >= deadline)
            {
                self.close();
                return Ok(());
            }
        }
    }

    /// Removes the way out. What fails here, the watchdog tries again.
    fn close(self) {
        if let Ok(egress) = self.prepared.workshop.egress {
            let _ = egress.close();
        }
    }

    /// Puts the rules back that others on the host have removed: Docker rewrites them when it starts.
    fn assert_rules(&mut self) {
        let Ok(egress) = &mut self.prepared.workshop.egress else {
            return;
        };
        if self.asserted.elapsed() < RULES_INTERVAL {
            return;
        }
        self.asserted = Instant::now();
        if let Err(error) = egress.assert_rules() {
            self.broadcast(&Event::Warning(format!(
                "sandboxes may have lost the network: {error}"
            )));
        }
    }

    fn wait(&self) -> io::Result<Vec<Token>> {
        let watched = self.watched();
        let mut polled: Vec<PollFd<'_>> = watched
            .iter()
            .map(|(_, descriptor, flags)| PollFd::from_borrowed_fd(*descriptor, *flags))
            .collect();
        let timeout = self
            .next_deadline()
            .map(|at| at.saturating_duration_since(Instant::now()));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout + Duration::from_millis(1)).ok());
        match poll(&mut polled, timeout.as_ref()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(Vec::new()),
            Err(errno) => return Err(errno.into()),
        }
        let ready = polled
            .iter()
            .zip(&watched)
            .filter(|(polled, _)| !polled.revents().is_empty());
        Ok(ready.map(|(_, (token, ..))| token.clone()).collect())
    }

    fn watched(&self) -> Vec<(Token, BorrowedFd<'_>, PollFlags)> {
        let mut watched = vec![
            (Token::Signals, self.prepared.signals.as_fd(), PollFlags::IN),
            (Token::Listener, self.prepared.listener.as_fd(), PollFlags::IN),
        ];
        for (number, connection) in &self.clients {
            let flags = if connection.has_backlog() {
                PollFlags::IN | PollFlags::OUT
            } else {
                PollFlags::IN
            };
            watched.push((Token::Client(*number), connection.as_fd(), flags));
        }
        for (id, instance) in &self.instances {
            if let Phase::Creating(Creating { worker, .. }) = &instance.phase {
                let connection = worker.connection();
                let flags = if connection.has_backlog() {
                    PollFlags::IN | PollFlags::OUT
                } else {
                    PollFlags::IN
                };
                watched.push((Token::Worker(id.clone()), connection.as_fd(), flags));
            }
            if let Some(lifeline) = &instance.lifeline {
                watched.push((Token::Lifeline(id.clone()), lifeline.as_fd(), PollFlags::IN));
            }
        }
        watched
    }

    fn next_deadline(&self) -> Option<Instant> {
        let creations = self
            .instances
            .values()
            .filter_map(|instance| match &instance.phase {
                Phase::Creating(creating) => Some(creating.deadline),
                _ => None,
            });
        let lease = self
            .abandoned
            .filter(|_| self.ending.is_none())
            .map(|since| since + self.options.lease);
        let rules = (!self.instances.is_empty()).then(|| self.asserted + RULES_INTERVAL);
        let restocking = self.next_restocking();
        let own = lease
            .into_iter()
            .chain(self.ending)
            .chain(rules)
            .chain(restocking);
        creations.chain(own).min()
    }

    fn handle(&mut self, token: &Token) -> io::Result<()> {
        match token {
            Token::Signals => {
                if signals::asks_for_the_end(&self.prepared.signals)? {
                    self.end();
                }
            }
            Token::Listener => {
                if let Some(stream) = client::accept(&self.prepared.listener)? {
                    self.welcome(stream)?;
                }
            }
            Token::Client(number) => self.converse(*number),
            Token::Worker(id) => self.hear_worker(id),
            Token::Lifeline(id) => self.hear_lifeline(id),
        }
        Ok(())
    }

    fn welcome(&mut self, stream: UnixStream) -> io::Result<()> {
        let number = self.next_client;
        self.next_client += 1;
        self.clients.insert(number, client::connection(stream)?);
        self.abandoned = None;
        let gone = self.prepared.alive.gone.try_clone()?;
        self.send(
            number,
            &Event::Hello {
                version: VERSION,
                pid: std::process::id(),
            },
            vec![gone],
        );
        self.warn_of_egress(number);
        Ok(())
    }

    fn warn_of_egress(&mut self, client: u64) {
        let warnings = self
            .prepared
            .workshop
            .egress
            .as_ref()
            .map(Egress::warnings)
            .unwrap_or_default();
        for warning in warnings {
            self.send(client, &Event::Warning(warning.to_string()), Vec::new());
        }
    }

    /// Handles what a client has sent.
    fn converse(&mut self, number: u64) {
        loop {
            let Some(connection) = self.clients.get_mut(&number) else {
                return;
            };
            match connection.flush().and_then(|_| connection.receive()) {
                Ok(Some(received)) => self.perform(number, received.message),
                Ok(None) => return,
                Err(_) => return self.dismiss(number),
            }
        }
    }

    fn dismiss(&mut self, number: u64) {
        self.clients.remove(&number);
        if self.clients.is_empty() {
            self.abandoned = Some(Instant::now());
        }
    }

    /// Sends an event to a client that may have gone meanwhile.
    pub(super) fn send(&mut self, client: u64, event: &Event, descriptors: Vec<std::os::fd::OwnedFd>) {
        let Some(connection) = self.clients.get_mut(&client) else {
            return;
        };
        let sent: Result<bool, WireError> = connection
            .push(event, descriptors)
            .and_then(|()| connection.flush());
        if sent.is_err() {
            self.dismiss(client);
        }
    }

    /// Tells all clients.
    pub(super) fn broadcast(&mut self, event: &Event) {
        let clients: Vec<u64> = self.clients.keys().copied().collect();
        for client in clients {
            self.send(client, event, Vec::new());
        }
    }

    /// Tells a caller why not.
    pub(super) fn refuse(&mut self, caller: Caller, refused: &Refused) {
        self.send(
            caller.client,
            &caller.reply(Err(Refusal::of(refused))),
            Vec::new(),
        );
    }

    /// Kills everything; the loop ends when all is cleared away.
    pub(super) fn end(&mut self) {
        if self.ending.is_some() {
            return;
        }
        self.ending = Some(Instant::now() + END_DEADLINE);
        self.stock.clear();
        let ids: Vec<SandboxId> = self.instances.keys().cloned().collect();
        for id in &ids {
            self.abort(id, &Refused::Ending);
            self.settle(id);
        }
    }

    /// Answers whether the keeper is ending.
    pub(super) fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    fn expire(&mut self) {
        let now = Instant::now();
        let late: Vec<SandboxId> = self
            .instances
            .iter()
            .filter(|(_, instance)| matches!(&instance.phase, Phase::Creating(creating) if creating.deadline <= now))
            .map(|(id, _)| id.clone())
            .collect();
        for id in late {
            self.fail_creation(
                &id,
                &Refused::TooSlow {
                    seconds: CREATION_DEADLINE.as_secs(),
                },
            );
        }
        if self
            .abandoned
            .is_some_and(|since| since + self.options.lease <= now)
        {
            self.end();
        }
    }

    /// Learns of children that have ended.
    fn reap(&mut self) {
        while let Some((pid, exit)) = signals::next_ended() {
            let number = pid.as_raw_nonzero().get().unsigned_abs();
            let known = self.instances.iter().find_map(|(id, instance)| {
                if instance
                    .handle
                    .as_ref()
                    .is_some_and(|handle| handle.pid == number)
                {
                    return Some((id.clone(), Child::First));
                }
                if instance.clearing == Clearing::By(pid) {
                    return Some((id.clone(), Child::Janitor));
                }
                let of_worker =
                    matches!(&instance.phase, Phase::Creating(creating) if creating.worker.pid() == pid);
                of_worker.then(|| (id.clone(), Child::Worker))
            });
            match known {
                Some((id, Child::First)) => self.first_ended(&id, exit),
                Some((id, Child::Janitor)) => self.cleared(&id, exit),
                Some((id, Child::Worker)) => self.worker_ended(&id),
                None => self.spare_ended(pid),
            }
        }
    }
}

fn capacity() -> usize {
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let capacity = (descriptors / DESCRIPTORS_EACH).min(MAX_INSTANCES);
    usize::try_from(capacity).unwrap_or(usize::MAX)
}

enum Child {
    First,
    Janitor,
    Worker,
}
