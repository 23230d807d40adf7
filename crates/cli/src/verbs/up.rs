//! `coracle up`: the main job in one command.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use coracle_build::Request;
use coracle_gateway::{Inbound, Outbound};
use coracle_platform::{Deploy, Follower};
use coracle_server::{Ephemeral, EphemeralConfig};
use coracle_spec::{Class, Digest, Failure, FunctionId, RevisionConfig};
use http::{Response, Uri};
use http_body_util::BodyExt;

use crate::assignments::{EnvFlags, SecretFile};
use crate::building;
use crate::context::Context;
use crate::engine::Engine;
use crate::error::Error;
use crate::interrupt::Interrupt;
use crate::printer::Printer;
use crate::progress::time;
use crate::project::{Lock, Source};

/// How long requests in flight and the instance may take to end.
const GRACE: Duration = Duration::from_secs(10);

/// Build a folder, run it, and print its URL
///
/// The function is private to this command: nothing is registered, and it ends with Ctrl-C. Its URL is printed on stdout,
/// what it prints on stderr.
#[derive(Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    lock: Lock,
    /// Bind no port: send one GET request, print the answer's body, and exit with 1 if its status is 400 or more
    #[arg(long, value_name = "PATH")]
    call: Option<CallPath>,
    /// Listen here, or on the next free port
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080",
        conflicts_with = "call"
    )]
    listen: SocketAddr,
    #[command(flatten)]
    env: EnvFlags,
    /// Give the function a secret, as the file `/run/secrets/NAME`
    #[arg(long, value_name = "NAME=FILE")]
    secret: Vec<SecretFile>,
}

/// The path and query of a request.
#[derive(Debug, Clone)]
struct CallPath(Uri);

impl std::str::FromStr for CallPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<Uri>() {
            Ok(uri) if text.starts_with('/') => Ok(Self(uri)),
            _ => Err("expected a path and query, such as `/?name=ada`".to_owned()),
        }
    }
}

/// The answer broke off.
#[derive(Debug, thiserror::Error)]
#[error("the function's answer broke off")]
struct BrokenAnswer(#[source] Box<dyn std::error::Error + Send + Sync>);

impl Failure for BrokenAnswer {
    fn class(&self) -> Class {
        Class::User
    }
}

impl Up {
    pub(super) async fn run(self, context: &Context) -> Result<ExitCode, Error> {
        let mut request = self.source.request(self.lock)?;
        self.configure(&mut request.manifest.revision)?;
        let engine = Engine::open(context)?;
        let result = self.build_and_run(&engine, &request, context).await;
        engine.close().await;
        result
    }

    fn configure(&self, config: &mut RevisionConfig) -> Result<(), Error> {
        self.env.add_to(&mut config.env)?;
        let given = self.secret.iter().map(|secret| secret.name.clone());
        config.secrets.extend(given);
        config.secrets.sort();
        config.secrets.dedup();
        Ok(())
    }

    async fn build_and_run(
        &self,
        engine: &Engine,
        request: &Request,
        context: &Context,
    ) -> Result<ExitCode, Error> {
        let printer = context.printer;
        let built = building::build(engine, request, printer).await?;
        let function = FunctionId {
            namespace: request.manifest.namespace.clone(),
            name: request.manifest.name.clone(),
        };
        let config = EphemeralConfig {
            function,
            listen: self.call.is_none().then_some(self.listen),
            environment: context.settings.outside.function_variables(),
            shutdown_grace: GRACE,
        };
        let mut interrupt = Interrupt::listen()?;
        let platform = Ephemeral::start(config, engine.store.clone(), engine.sandboxes()).await?;
        let mut running = Running {
            log: platform.follow().await?,
            platform,
            printer,
        };
        let started = tokio::select! {
            started = self.start(&running, request, built.image.manifest) => started.map(Some),
            () = interrupt.next() => Ok(None),
        };
        let result = match started {
            Ok(Some(())) => tokio::select! {
                result = self.serve(&mut running) => result,
                () = interrupt.next() => Ok(ExitCode::SUCCESS),
            },
            Ok(None) => Ok(ExitCode::SUCCESS),
            Err(error) => {
                running.platform.shutdown().await;
                return Err(error);
            }
        };
        running.end().await;
        result
    }

    async fn start(&self, running: &Running, request: &Request, image: Digest) -> Result<(), Error> {
        self.set_secrets(&running.platform, request).await?;
        running.deploy(request, image).await
    }

    async fn serve(&self, running: &mut Running) -> Result<ExitCode, Error> {
        match &self.call {
            Some(CallPath(path)) => running.call(path).await,
            None => running.serve().await,
        }
    }

    async fn set_secrets(&self, platform: &Ephemeral, request: &Request) -> Result<(), Error> {
        for secret in &self.secret {
            let value = secret.read()?;
            let namespace = &request.manifest.namespace;
            platform
                .platform()
                .set_secret(namespace, &secret.name, value)
                .await?;
        }
        Ok(())
    }
}

/// The function while it runs.
struct Running {
    platform: Ephemeral,
    /// What the function prints; read once it is ready, since what it prints before is part of the error if it fails.
    log: Follower,
    printer: Printer,
}

impl Running {
    async fn deploy(&self, request: &Request, image: Digest) -> Result<(), Error> {
        let deploy = Deploy {
            function: FunctionId {
                namespace: request.manifest.namespace.clone(),
                name: request.manifest.name.clone(),
            },
            image,
            reference: None,
            config: request.manifest.revision.clone(),
        };
        let deployed = self.platform.deploy(deploy).await?;
        if self.platform.address().is_some() {
            self.printer.say(format_args!(
                "`{}` is ready after {}; Ctrl-C ends it",
                request.manifest.name,
                time(deployed.ready_after)
            ));
            self.printer.line(&deployed.url)?;
        }
        Ok(())
    }

    /// Answers requests and shows what the function prints, for ever.
    async fn serve(&mut self) -> Result<ExitCode, Error> {
        self.platform.open();
        show(&mut self.log, self.printer).await
    }

    async fn call(&mut self, path: &Uri) -> Result<ExitCode, Error> {
        let mut request = http::Request::new(Inbound::empty());
        *request.uri_mut() = path.clone();
        let host = http::HeaderValue::from_static("localhost");
        request.headers_mut().insert(http::header::HOST, host);
        let (platform, printer) = (&self.platform, self.printer);
        let calling = async { print(platform.call(request).await, printer).await };
        tokio::select! {
            result = calling => result,
            result = show(&mut self.log, printer) => result,
        }
    }

    /// Ends the function, and shows the last that it prints.
    async fn end(mut self) {
        tokio::select! {
            () = self.platform.shutdown() => {}
            _ = show::<()>(&mut self.log, self.printer) => {}
        }
    }
}

/// Shows what the function prints, for ever.
async fn show<T>(log: &mut Follower, printer: Printer) -> Result<T, Error> {
    while let Some(lines) = log.next().await? {
        for line in lines {
            printer.say(line.text);
        }
    }
    std::future::pending().await
}

/// Prints an answer's body as it arrives.
async fn print(response: Response<Outbound>, printer: Printer) -> Result<ExitCode, Error> {
    let status = response.status();
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(BrokenAnswer)?.into_data() {
            printer.bytes(&data)?;
        }
    }
    if status.as_u16() < 400 {
        return Ok(ExitCode::SUCCESS);
    }
    printer.say(format_args!("the answer's status is {status}"));
    Ok(ExitCode::from(Class::User.exit_code()))
}
