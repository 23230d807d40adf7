//! `coracle serve`: the platform.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use coracle_platform::Builds;
use coracle_server::{DataDirectory, Listen, ServeConfig, Server, Tls};
use coracle_spec::{Class, Failure};
use coracle_tasks::Tasks;

use crate::builder_flags::BuilderFlags;
use crate::context::Context;
use crate::engine::{self, Keeper};
use crate::error::Error;
use crate::interrupt::Interrupt;
use crate::printer::Printer;
use crate::service_manager;
use crate::settings::Certificate;

/// Where TLS is spoken unless somebody says otherwise: a certificate is for those who come from elsewhere.
const TLS_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 8443);

/// How long instances outlive a server that was killed, for the next one to find them.
const LEASE: Duration = Duration::from_secs(30);

/// Run the platform on this machine
///
/// Functions answer at `/function/NAME/` and as hosts of the domain. The first start writes an administrator's password
/// into the data directory and prints where.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Listen here, unless a service manager passes a socket on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Also listen here by TLS, when there is a certificate [default: 0.0.0.0:8443]
    #[arg(long, value_name = "ADDRESS")]
    tls_listen: Option<SocketAddr>,
    /// The server's certificate and those above it, in PEM, as in `CORACLE_TLS_CERT`; read again when it changes
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM, as in `CORACLE_TLS_KEY`
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Let everybody pull images from the registry at `/v2/`
    #[arg(long)]
    anonymous_pull: bool,
    /// Serve metrics here
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    metrics: SocketAddr,
    /// The address that functions answer under, when a proxy stands before it [default: the one listened on]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// The domain that functions are hosts of
    #[arg(long, value_name = "NAME", default_value = "localhost")]
    domain: String,
    /// Keep this many sandboxes ready for functions that sleep; each takes about a megabyte
    #[arg(long, value_name = "COUNT", default_value_t = 16)]
    spares: usize,
    #[command(flatten)]
    builder: BuilderFlags,
}

/// The keeper's directory cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make `{}`", path.display())]
struct RunDirectoryError {
    path: PathBuf,
    source: io::Error,
}

impl Failure for RunDirectoryError {
    fn class(&self) -> Class {
        Class::User
    }
}

impl Serve {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        service_manager::bear_reloads();
        let passed = service_manager::take_socket()?;
        let data = DataDirectory::take(&context.settings.data)?;
        let tasks = Tasks::new();
        let keeper = Keeper::new(
            run_directory(data.root())?,
            LEASE,
            &tasks,
            &context.settings.outside,
        )?;
        let listen = passed.map_or(Listen::At(self.listen), Listen::On);
        let result = self.serve(data, listen, &keeper, context).await;
        keeper.end(&tasks).await;
        result
    }

    async fn serve(
        self,
        data: DataDirectory,
        listen: Listen,
        keeper: &Keeper,
        context: &Context,
    ) -> Result<(), Error> {
        let printer = context.printer;
        // An earlier server's keeper is found first: a new one would take its place.
        let instances = keeper.instances().await?;
        keeper.prepare().await?;
        let mut interrupt = Interrupt::listen()?;
        let mut registries = context.settings.registries.client(&context.settings.outside);
        self.builder.reach(&mut registries);
        let config = ServeConfig {
            listen,
            tls: self.tls(&context.settings.certificate)?,
            anonymous_pull: self.anonymous_pull,
            metrics: Some(self.metrics),
            public_url: self.public_url,
            domain: self.domain,
            environment: context.settings.outside.function_variables(),
            spares: self.spares,
            cache: context.settings.cache.limits(data.root()),
            builds: Some(builds(keeper, context)?),
            role: self.builder.role(&context.settings.builder)?,
            builder: Some(self.builder.settings(keeper, context)?),
            registries,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..ServeConfig::default()
        };
        let server = coracle_server::serve(data, config, instances).await?;
        greet(&server, printer)?;
        service_manager::tell_ready(server.public_url());
        interrupt.next().await;
        service_manager::tell_ending();
        printer.say("ending: requests in flight may finish; Ctrl-C again does not wait");
        tokio::select! {
            () = server.shutdown() => {}
            () = interrupt.next() => {}
        }
        Ok(())
    }
}

/// A certificate without its key, or the other way round.
#[derive(Debug, thiserror::Error)]
#[error("TLS needs a certificate and its key, and only one of them is given")]
struct HalfCertificate;

impl Failure for HalfCertificate {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        Some("give both `--tls-cert FILE` and `--tls-key FILE`".to_owned())
    }
}

/// Somewhere to speak TLS, and nothing to speak it with.
#[derive(Debug, thiserror::Error)]
#[error("TLS needs a certificate, and `--tls-listen` is given without one")]
struct NoCertificate;

impl Failure for NoCertificate {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        Some("give `--tls-cert FILE` and `--tls-key FILE`".to_owned())
    }
}

impl Serve {
    /// Answers where TLS is spoken, if anywhere: flags win over the environment.
    fn tls(&self, set: &Certificate) -> Result<Option<Tls>, Error> {
        let certificate = self.tls_cert.as_ref().or(set.certificate.as_ref());
        match (certificate, self.tls_key.as_ref().or(set.key.as_ref())) {
            (None, None) if self.tls_listen.is_some() => Err(NoCertificate.into()),
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => Ok(Some(Tls {
                listen: self.tls_listen.unwrap_or(TLS_LISTEN),
                certificate: certificate.clone(),
                key: key.clone(),
            })),
            _ => Err(HalfCertificate.into()),
        }
    }
}

/// Answers what builds the sources that `deploy --remote` sends.
fn builds(keeper: &Keeper, context: &Context) -> Result<Builds, Error> {
    let store = engine::open_store(&context.settings)?;
    let builder = engine::builder(&store, keeper, &context.settings)?;
    Ok(Builds::new(builder, store))
}

/// Says where everything is. The address is data: scripts wait for it.
fn greet(server: &Server, printer: Printer) -> Result<(), Error> {
    for file in server.secrets().made() {
        printer.say(format_args!("wrote the secret `{}`", file.display()));
    }
    if let Some(address) = server.secure_address() {
        printer.say(format_args!("TLS at https://{address}"));
    }
    if let Some(metrics) = server.metrics() {
        printer.say(format_args!("metrics at http://{metrics}/metrics"));
    }
    printer.say(format_args!(
        "clients of this machine use `{}`",
        server.socket().display()
    ));
    Ok(printer.line(server.public_url())?)
}

/// Answers the keeper's directory, private to this user: whoever reaches its socket has the sandboxes.
fn run_directory(data: &Path) -> Result<PathBuf, RunDirectoryError> {
    let path = data.join("run");
    match std::fs::DirBuilder::new().mode(0o700).create(&path) {
        Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
            Err(RunDirectoryError { path, source })
        }
        _ => Ok(path),
    }
}
