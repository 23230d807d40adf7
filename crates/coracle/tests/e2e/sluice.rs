//! A way to a registry with a sluice in it: shut, everything that is on its way stands still in the middle, so that a
//! test can kill, collect or look while it does.
//!
//! It copies bytes and knows nothing of what they mean.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long it may take until something stands still.
const PATIENCE: Duration = Duration::from_mins(5);

/// Which bytes are counted, and stand still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// What the registry sends.
    Down,
    /// What the registry is sent.
    Up,
}

/// The way, on a port of its own; it ends with the test program.
pub(crate) struct Sluice {
    host: String,
    gate: Arc<Gate>,
}

struct Gate {
    way: Way,
    water: Mutex<Water>,
    changed: Condvar,
}

struct Water {
    /// After how many bytes a connection stands still; `None` when the sluice is open.
    shut: Option<u64>,
    standing: usize,
    passed: u64,
}

impl Sluice {
    /// Leads to the registry `host`, shut: each connection stands still after so many bytes.
    pub(crate) fn shut_after(bytes: u64, way: Way, host: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let gate = Arc::new(Gate {
            way,
            water: Mutex::new(Water {
                shut: Some(bytes),
                standing: 0,
                passed: 0,
            }),
            changed: Condvar::new(),
        });
        let sluice = Self {
            host: listener.local_addr().unwrap().to_string(),
            gate: Arc::clone(&gate),
        };
        let registry = host.to_owned();
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let far = TcpStream::connect(&registry).unwrap();
                let ends = (near.try_clone().unwrap(), far.try_clone().unwrap());
                flow(&gate, Way::Up, (near, far));
                flow(&gate, Way::Down, (ends.1, ends.0));
            }
        });
        sluice
    }

    /// Answers the registry's name in references.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Waits until a connection stands still.
    pub(crate) fn stands_still(&self) {
        let deadline = Instant::now() + PATIENCE;
        let mut water = self.gate.water.lock().unwrap();
        while water.standing == 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "nothing ever stood still");
            water = self.gate.changed.wait_timeout(water, left).unwrap().0;
        }
    }

    /// Lets everything pass from now on, what stands still too.
    pub(crate) fn open(&self) {
        self.gate.water.lock().unwrap().shut = None;
        self.gate.changed.notify_all();
    }

    /// Answers how many bytes have passed so far.
    pub(crate) fn passed(&self) -> u64 {
        self.gate.water.lock().unwrap().passed
    }
}

/// Copies from one end to the other, which then hears that there is no more.
fn flow(gate: &Arc<Gate>, way: Way, (from, to): (TcpStream, TcpStream)) {
    let gate = Arc::clone(gate);
    thread::spawn(move || {
        // Whoever is killed breaks off.
        let _ = gate.copy(way, &from, &to);
        let _ = to.shutdown(Shutdown::Write);
    });
}

impl Gate {
    fn copy(&self, way: Way, mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
        let (mut piece, mut moved) = (vec![0; 64 << 10], 0);
        loop {
            let count = from.read(&mut piece)?;
            if count == 0 {
                return Ok(());
            }
            moved += count as u64;
            if way == self.way {
                self.pass(moved, count as u64);
            }
            to.write_all(&piece[..count])?;
        }
    }

    /// Waits until a connection that has moved so many bytes may pass some more.
    fn pass(&self, moved: u64, count: u64) {
        let mut water = self.water.lock().unwrap();
        if water.shut.is_some_and(|shut| moved > shut) {
            water.standing += 1;
            self.changed.notify_all();
            let is_shut = |water: &mut Water| water.shut.is_some();
            water = self.changed.wait_while(water, is_shut).unwrap();
            water.standing -= 1;
        }
        water.passed += count;
    }
}
