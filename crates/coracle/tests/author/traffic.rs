//! Clients that ask the whole time, on connections that they keep.

use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long something may take to show in the answers before the test gives up on it.
const PATIENCE: Duration = Duration::from_mins(5);
/// The pace of one client: many requests while a version starts, and processor time left for that.
const PACE: Duration = Duration::from_millis(5);

/// Clients that ask the whole time.
pub(crate) struct Traffic {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_over: bool,
    latest: Vec<Answer>,
    answered: usize,
    failures: Vec<String>,
}

/// What was answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    /// What the answer says about the newest version.
    pub(crate) error: Option<String>,
}

impl Traffic {
    /// Lets as many clients as there are paths ask `url` for them.
    pub(crate) fn start(url: &str, paths: &[&str]) -> Self {
        let shared = Arc::new(Shared::default());
        shared.state.lock().unwrap().latest = vec![Answer::default(); paths.len()];
        let client = |(number, path): (usize, &&str)| {
            let (shared, url) = (Arc::clone(&shared), format!("{url}{path}"));
            thread::spawn(move || shared.ask_on(number, &url))
        };
        let clients = paths.iter().enumerate().map(client).collect();
        Self { shared, clients }
    }

    /// Waits until the last answer on every connection `is` so.
    pub(crate) fn sees(&self, what: &str, is: impl Fn(&Answer) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.shared.state.lock().unwrap();
        while !state.latest.iter().all(&is) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no {what}, but: {:?}", state.latest);
            state = self.shared.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Ends the clients; every request must have been answered well. Answers how many there were.
    pub(crate) fn end(self) -> usize {
        self.shared.state.lock().unwrap().is_over = true;
        for client in self.clients {
            client.join().unwrap();
        }
        let state = self.shared.state.lock().unwrap();
        assert!(
            state.failures.is_empty(),
            "of {}: {:?}",
            state.answered,
            state.failures
        );
        state.answered
    }
}

impl Shared {
    fn ask_on(&self, number: usize, url: &str) {
        let agent = agent();
        loop {
            let asked = ask(&agent, url);
            let mut state = self.state.lock().unwrap();
            state.answered += 1;
            match asked {
                Ok(answer) if answer.status == 200 => state.latest[number] = answer,
                Ok(answer) => state.failures.push(format!("{answer:?}")),
                Err(error) => state.failures.push(error.to_string()),
            }
            self.changed.notify_all();
            if state.is_over {
                return;
            }
            drop(state);
            thread::sleep(PACE);
        }
    }
}

/// Makes a client that keeps its connection and takes any status for an answer.
pub(crate) fn agent() -> ureq::Agent {
    let config = ureq::config::Config::builder().http_status_as_error(false);
    ureq::Agent::new_with_config(config.build())
}

/// Asks once.
pub(crate) fn ask(agent: &ureq::Agent, url: &str) -> Result<Answer, ureq::Error> {
    let mut response = agent.get(url).call()?;
    let error = response.headers().get("x-coracle-dev-error");
    Ok(Answer {
        error: error.map(|value| value.to_str().unwrap().to_owned()),
        status: response.status().as_u16(),
        body: response.body_mut().read_to_string()?,
    })
}
