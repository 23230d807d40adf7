//! `coracle dev`: `up` that follows the author.
//!
//! ```text
//! Watcher ─ changes ─► Workshop ─ versions ─► Rollout ─► the platform's own create, probe, switch, drain
//! ```
//!
//! The two stages go on beside each other: while a version starts, the next one is built already.

mod attempt;
mod changes;
mod debugger;
mod mishap;
mod rollout;
mod scope;
mod seen;
mod show;
mod steps;
mod watch;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use coracle_platform::Follower;
use coracle_tasks::{CancellationToken, Tasks};
use futures::TryFutureExt as _;
use tokio::sync::mpsc;
use tokio::time::timeout;

use self::attempt::Workshop;
use self::debugger::Relay;
use self::rollout::Rollout;
use self::scope::Scope;
use self::show::show;
use self::steps::Steps;
use self::watch::Watcher;
use crate::assignments::ConfigFlags;
use crate::context::Context;
use crate::dockerfile_flags::DockerfileFlags;
use crate::engine::Engine;
use crate::error::Error;
use crate::interrupt::Interrupt;
use crate::local::{GRACE, Local};
use crate::printer::Printer;
use crate::progress::Progress;
use crate::project::{Lock, Source};

/// What `--debug` alone means: Node's own port.
const DEBUG_PORT: &str = "9229";
/// How many versions may wait to run; each is taken at once.
const MOST_WAITING: usize = 4;

/// Run a folder, and follow its changes
///
/// As `up`, and each change is built and takes the place of the version before once it is ready: no request fails. When a
/// change does not work, the version before goes on answering, and the error is shown here and in the header
/// `X-Coracle-Dev-Error` of each answer.
#[derive(Debug, Args)]
pub(crate) struct Dev {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    lock: Lock,
    #[command(flatten)]
    dockerfile: DockerfileFlags,
    /// Listen here, or on the next free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    #[command(flatten)]
    config: ConfigFlags,
    /// Let debuggers of Node or Python connect to PORT of this machine
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true, default_missing_value = DEBUG_PORT)]
    debug: Option<u16>,
}

impl Dev {
    pub(super) async fn run(self, context: &Context) -> Result<ExitCode, Error> {
        coracle_keeper::check_privileges()?;
        let folder = self.source.folder()?;
        let named = self.config.files().chain(self.source.manifest_file());
        let named = named.chain(self.source.dockerfile());
        let watcher = Watcher::start(Scope::new(&folder, named))?;
        let engine = Engine::open(context)?;
        let result = self.develop(&folder, watcher, &engine, context).await;
        engine.close().await;
        result.map(|()| ExitCode::SUCCESS)
    }

    async fn develop(
        &self,
        folder: &Path,
        watcher: Watcher,
        engine: &Engine,
        context: &Context,
    ) -> Result<(), Error> {
        let mut interrupt = Interrupt::listen()?;
        let function = self.source.function(folder);
        let local = Local::start(function, Some(self.listen), engine, context).await?;
        let tasks = Tasks::new();
        let relay = self.relay(&local, context).await;
        let mut log = local.follow().await?;
        let workshop = Workshop {
            source: &self.source,
            lock: self.lock,
            dockerfile: (&self.dockerfile, &context.settings.inherited),
            config: &self.config,
            is_debugged: self.debug.is_some(),
            engine,
            folder: folder.to_owned(),
            steps: Arc::new(Steps::new(context.printer)),
        };
        let result = match relay {
            Ok(relay) => {
                let session = Session {
                    local: &local,
                    workshop,
                    relay,
                    printer: context.printer,
                    tasks: &tasks,
                };
                Box::pin(session.run(watcher, &mut log, &mut interrupt)).await
            }
            Err(error) => Err(error),
        };
        tasks.shutdown(GRACE).await;
        local.end(&mut log, context.printer).await;
        result
    }

    async fn relay(&self, local: &Local, context: &Context) -> Result<Option<Relay>, Error> {
        let Some(port) = self.debug else { return Ok(None) };
        let relay = Relay::bind(port, local.platform(), local.function()).await?;
        context
            .printer
            .say(format_args!("debuggers connect to {}", relay.address()));
        Ok(Some(relay))
    }
}

/// Everything that goes on until Ctrl-C.
struct Session<'a> {
    local: &'a Local,
    workshop: Workshop<'a>,
    relay: Option<Relay>,
    printer: Printer,
    tasks: &'a Tasks,
}

impl Session<'_> {
    async fn run(
        self,
        mut watcher: Watcher,
        log: &mut Follower,
        interrupt: &mut Interrupt,
    ) -> Result<(), Error> {
        let stop = CancellationToken::new();
        let rollout = Rollout::new(self.local, self.printer);
        if let Some(relay) = self.relay {
            let connections = self.tasks.group();
            let serving = relay.serve(rollout.serving(), connections);
            self.tasks.spawn("debugger port", serving);
        }
        let (made, makes) = mpsc::channel(MOST_WAITING);
        let first = Progress::start(self.printer);
        let working = async {
            let making = self.workshop.work(first, &mut watcher, made, &stop);
            let making = making.map_err(Error::from);
            tokio::try_join!(making, rollout.work(makes, &stop)).map(drop)
        };
        tokio::pin!(working);
        tokio::select! {
            result = &mut working => result,
            Err(error) = show(log, rollout.serving(), self.printer) => Err(error.into()),
            () = interrupt.next() => {
                stop.cancel();
                // A step of a build that does not listen ends with its sandbox.
                timeout(GRACE, working).await.unwrap_or(Ok(()))
            }
        }
    }
}
