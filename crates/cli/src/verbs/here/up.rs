//! `coracle up`: the main job in one command.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Args;
use coracle_build::{Built, Request};
use coracle_content::Store;
use coracle_gateway::{Inbound, Outbound};
use coracle_platform::{Deployed, Follower};
use coracle_spec::manifest::Platform;
use coracle_spec::{Class, Digest, Failure, FunctionId};
use coracle_tasks::CancellationToken;
use http::{Response, Uri};
use http_body_util::BodyExt;

use crate::assignments::ConfigFlags;
use crate::building;
use crate::context::Context;
use crate::dockerfile_flags::DockerfileFlags;
use crate::engine::Engine;
use crate::error::Error;
use crate::housekeeping;
use crate::interrupt::Interrupt;
use crate::local::{Local, Version, show};
use crate::printer::Printer;
use crate::progress::time;
use crate::project::{Lock, Source};
use crate::registries;

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
    #[command(flatten)]
    dockerfile: DockerfileFlags,
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
    config: ConfigFlags,
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
        self.dockerfile
            .add_to(&mut request.dockerfile, &context.settings.inherited);
        self.config.add_to(&mut request.manifest.revision)?;
        let engine = Engine::open(context)?;
        let result = self.build_and_run(&engine, &request, context).await;
        engine.close().await;
        result
    }

    async fn build_and_run(
        &self,
        engine: &Engine,
        request: &Request,
        context: &Context,
    ) -> Result<ExitCode, Error> {
        let printer = context.printer;
        let found = find(engine, request, context).await?;
        let mut config = request.manifest.revision.clone();
        if let Some(built) = &found.built {
            config.profile = built.profile();
        }
        let version = Version {
            image: found.image,
            config,
            secrets: self.config.secrets()?,
        };
        let function = FunctionId {
            namespace: request.manifest.namespace.clone(),
            name: request.manifest.name.clone(),
        };
        let mut interrupt = Interrupt::listen()?;
        let listen = self.call.is_none().then_some(self.listen);
        let local = Local::start(function, listen, engine, context).await?;
        // Read once it is ready: what it prints before is part of the error if it fails.
        let mut log = local.follow().await?;
        let never = CancellationToken::new();
        let started = tokio::select! {
            started = local.run(version, &never) => started.map(Some),
            () = interrupt.next() => Ok(None),
        };
        let result = match started {
            Ok(Some(deployed)) => {
                let serving = self.serve(&local, &deployed, (&mut log, printer));
                let collecting = async {
                    if let Some(built) = &found.built {
                        housekeeping::after_build(context, &engine.store, built).await;
                    }
                };
                tokio::select! {
                    (result, ()) = async { tokio::join!(serving, collecting) } => result,
                    () = interrupt.next() => Ok(ExitCode::SUCCESS),
                }
            }
            Ok(None) => Ok(ExitCode::SUCCESS),
            Err(error) => {
                local.shutdown().await;
                return Err(error);
            }
        };
        local.end(&mut log, printer).await;
        result
    }

    async fn serve(
        &self,
        local: &Local,
        deployed: &Deployed,
        (log, printer): (&mut Follower, Printer),
    ) -> Result<ExitCode, Error> {
        if let Some(CallPath(path)) = &self.call {
            return tokio::select! {
                result = call(local, path, printer) => result,
                result = show(log, printer) => result,
            };
        }
        printer.say(format_args!(
            "`{}` is ready after {}; Ctrl-C ends it",
            deployed.revision.function.name,
            time(deployed.ready_after)
        ));
        printer.line(&deployed.url)?;
        local.open();
        show(log, printer).await
    }
}

/// What is to run, kept from collection.
struct Found {
    image: Digest,
    built: Option<Built>,
    _held: Store,
}

/// Builds the image, or pulls it when it is taken as it is.
async fn find(engine: &Engine, request: &Request, context: &Context) -> Result<Found, Error> {
    let held = engine.store.held()?;
    let Some(name) = &request.manifest.build.from else {
        let built = building::build(engine, request, context.printer).await?;
        return Ok(Found {
            image: built.image.manifest,
            built: Some(built),
            _held: held,
        });
    };
    coracle_keeper::check_privileges()?;
    let client = registries::client(context, &held);
    let pulling = registries::work(context, "pulling", async |transfers, cancel| {
        client.pull(name, Platform::OWN, transfers, cancel).await
    });
    Ok(Found {
        image: Box::pin(pulling).await?.manifest,
        built: None,
        _held: held,
    })
}

/// Sends one request to the function.
async fn call(local: &Local, path: &Uri, printer: Printer) -> Result<ExitCode, Error> {
    let mut request = http::Request::new(Inbound::empty());
    *request.uri_mut() = path.clone();
    let host = http::HeaderValue::from_static("localhost");
    request.headers_mut().insert(http::header::HOST, host);
    print(local.call(request).await, printer).await
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
