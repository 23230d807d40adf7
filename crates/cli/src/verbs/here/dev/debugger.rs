//! An attached debugger: the function's runtime listens for one on its own loopback, and this program leads connections
//! there.
//!
//! The port on this machine stays while versions come and go. When one takes the place of another, connections to the
//! old one are cut, since it would wait for its debugger instead of ending; clients that reconnect meet the new one.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use coracle_plan::Plan;
use coracle_platform::{DeployError, LastLines, Platform};
use coracle_spec::{Class, Failure, FunctionId, RevisionConfig, Span};
use coracle_tasks::Tasks;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use super::mishap::Mishap;
use crate::error::Error;

/// Where the runtime listens, inside.
const INSIDE: u16 = 9229;
/// How many connections there are at once: a debugger needs one or two, and looks for targets beside that.
const MOST_CONNECTIONS: usize = 32;
/// How long a request may take that a breakpoint holds up.
const PATIENCE: Span = Span::seconds(3600);
/// What Python says when a module is not there.
const NO_DEBUGPY: &str = "No module named debugpy";

/// Why nothing can be debugged.
#[derive(Debug, thiserror::Error)]
pub(super) enum DebugError {
    /// The port is taken.
    #[error("cannot listen for a debugger on `{address}`")]
    Listen {
        /// The port.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Nothing is known about a debugger for it.
    #[error("`{0}` cannot be debugged: only Node and Python can")]
    Program(String),
    /// Python's debugger is not installed.
    #[error("Python's debugger `debugpy` is not among the dependencies")]
    NoDebugpy,
}

impl Failure for DebugError {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Listen { .. } => "name another port: `--debug=PORT`".to_owned(),
            Self::Program(_) => "leave out `--debug`".to_owned(),
            Self::NoDebugpy => "add `debugpy` to `requirements.txt` or `pyproject.toml`".to_owned(),
        })
    }
}

/// Answers what went wrong with a start, in words of the debugger if it is about that.
pub(super) fn explained(error: Error) -> Mishap {
    let is_missing = error.downcast_ref().is_some_and(|error| match error {
        DeployError::Start(failure) => failure
            .said
            .iter()
            .flat_map(LastLines::lines)
            .any(|line| line.ends_with(NO_DEBUGPY)),
        _ => false,
    });
    if is_missing {
        DebugError::NoDebugpy.into()
    } else {
        error.into()
    }
}

/// Lets the version of a plan listen for a debugger, and gives who looks at a breakpoint time.
pub(super) fn prepare(plan: &Plan, config: &mut RevisionConfig) -> Result<(), DebugError> {
    let words = words(plan, config);
    match words.first().map(|program| name(program)) {
        Some("node") => {
            let flag = format!("--inspect=127.0.0.1:{INSIDE}");
            extend(&mut config.env, &plan.image.env, &flag);
        }
        Some(python) if python.starts_with("python") => {
            config.entrypoint = with_debugpy(words);
            config.command = Vec::new();
            // Its complaint about frozen modules, at each start.
            let quiet = ("PYDEVD_DISABLE_FILE_VALIDATION".to_owned(), "1".to_owned());
            config.env.extend([quiet]);
        }
        other => return Err(DebugError::Program(other.unwrap_or_default().to_owned())),
    }
    config.health.path = None;
    config.timeout.request = PATIENCE;
    config.timeout.first_byte = PATIENCE;
    config.timeout.idle = PATIENCE;
    Ok(())
}

/// Answers what starts: the manifest's words, else the image's.
fn words(plan: &Plan, config: &RevisionConfig) -> Vec<String> {
    let own = config.entrypoint.iter().chain(&config.command);
    let words: Vec<String> = own.cloned().collect();
    if words.is_empty() {
        let image = &plan.image;
        image.entrypoint.iter().chain(&image.command).cloned().collect()
    } else {
        words
    }
}

fn name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

/// Adds a flag to `NODE_OPTIONS`, so that it holds however Node is started.
fn extend(own: &mut BTreeMap<String, String>, of_image: &BTreeMap<String, String>, flag: &str) {
    const NAME: &str = "NODE_OPTIONS";
    let before = own.get(NAME).or_else(|| of_image.get(NAME));
    let options = before.map_or_else(|| flag.to_owned(), |before| format!("{before} {flag}"));
    own.insert(NAME.to_owned(), options);
}

/// Puts the debugger between Python with its own options and what it runs.
fn with_debugpy(words: Vec<String>) -> Vec<String> {
    let (with_value, alone) = (["-W", "-X"], |word: &str| {
        word.starts_with('-') && word != "-m" && word != "-c"
    });
    let mut at = 1;
    while let Some(word) = words.get(at).filter(|word| alone(word)) {
        at += if with_value.contains(&word.as_str()) { 2 } else { 1 };
    }
    let mut words = words;
    let rest = words.split_off(at.min(words.len()));
    let listen = format!("127.0.0.1:{INSIDE}");
    words.extend(["-m", "debugpy", "--listen", &listen].map(str::to_owned));
    words.extend(rest);
    words
}

/// Leads connections to the instance that answers.
pub(super) struct Relay {
    address: SocketAddr,
    listener: TcpListener,
    platform: Platform,
    function: FunctionId,
}

impl Relay {
    /// Takes the port.
    pub(super) async fn bind(
        port: u16,
        platform: &Platform,
        function: &FunctionId,
    ) -> Result<Self, DebugError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let failed = |source| DebugError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        Ok(Self {
            address: listener.local_addr().map_err(failed)?,
            listener,
            platform: platform.clone(),
            function: function.clone(),
        })
    }

    /// Answers where debuggers connect.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads each connection to the instance that answers, until another one does. For ever.
    pub(super) async fn serve(self, serving: watch::Receiver<u64>, tasks: Tasks) {
        let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            // What cannot be accepted has gone, or descriptors are short for a moment.
            let Ok((client, _)) = self.listener.accept().await else {
                continue;
            };
            let (platform, function) = (self.platform.clone(), self.function.clone());
            let mut serving = serving.clone();
            tasks.spawn("debugger", async move {
                serving.mark_unchanged();
                tokio::select! {
                    () = lead(client, &platform, &function) => {}
                    _ = serving.changed() => {}
                }
                drop(place);
            });
        }
    }
}

async fn lead(mut client: TcpStream, platform: &Platform, function: &FunctionId) {
    match platform.dial(function, INSIDE).await {
        Ok(mut inside) => drop(copy_bidirectional(&mut client, &mut inside).await),
        Err(error) => tracing::debug!(%error, "no debugger"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_debugger_stands_between_python_with_its_options_and_what_it_runs() {
        for (words, expected) in [
            (
                "python3 /app/main.py",
                "python3 -m debugpy --listen 127.0.0.1:9229 /app/main.py",
            ),
            (
                "python3 -m gunicorn main:app",
                "python3 -m debugpy --listen 127.0.0.1:9229 -m gunicorn main:app",
            ),
            (
                "python3 -u -X dev -m x",
                "python3 -u -X dev -m debugpy --listen 127.0.0.1:9229 -m x",
            ),
            ("python3", "python3 -m debugpy --listen 127.0.0.1:9229"),
        ] {
            assert_eq!(with_debugpy(split(words)), split(expected), "{words}");
        }
    }

    #[test]
    fn options_of_node_that_are_there_stay() {
        let of_image = BTreeMap::from([("NODE_OPTIONS".to_owned(), "--enable-source-maps".to_owned())]);
        let mut env = BTreeMap::new();
        extend(&mut env, &of_image, "--inspect");
        assert_eq!(env["NODE_OPTIONS"], "--enable-source-maps --inspect");
        let mut env = BTreeMap::from([("NODE_OPTIONS".to_owned(), "--own".to_owned())]);
        extend(&mut env, &of_image, "--inspect");
        assert_eq!(env["NODE_OPTIONS"], "--own --inspect");
    }
}
