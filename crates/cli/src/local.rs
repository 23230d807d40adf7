//! A function that only this command runs: private to it, and gone with it.

use std::net::SocketAddr;
use std::time::Duration;

use coracle_gateway::{Inbound, Outbound};
use coracle_platform::{Deploy, Deployed, Follower, LogError, Platform};
use coracle_server::{Ephemeral, EphemeralConfig, Trouble};
use coracle_spec::{Deployable, Digest, FunctionId, RevisionConfig};
use coracle_tasks::CancellationToken;
use http::{Request, Response};

use crate::assignments::Secret;
use crate::context::Context;
use crate::engine::Engine;
use crate::error::Error;
use crate::printer::Printer;

/// How long requests in flight and the instance may take to end.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// A function that only this command runs.
pub(crate) struct Local {
    function: FunctionId,
    platform: Ephemeral,
}

/// What is to run.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Version {
    /// The image.
    pub(crate) image: Digest,
    /// The rest of what a revision consists of.
    pub(crate) config: RevisionConfig,
    /// The secrets that the configuration names.
    pub(crate) secrets: Vec<Secret>,
}

impl Local {
    /// Takes the port, if there is to be one; nothing runs yet, and nothing is answered before [`Local::open`].
    pub(crate) async fn start(
        function: FunctionId,
        listen: Option<SocketAddr>,
        engine: &Engine,
        context: &Context,
    ) -> Result<Self, Error> {
        let config = EphemeralConfig {
            function: function.clone(),
            listen,
            environment: context.settings.outside.function_variables(),
            shutdown_grace: GRACE,
        };
        let platform = Ephemeral::start(config, engine.store.clone(), engine.sandboxes()).await?;
        Ok(Self { function, platform })
    }

    /// Runs a version in place of the one before, once it is ready. Fails when it is `given_up` before that.
    pub(crate) async fn run(
        &self,
        version: Version,
        given_up: &CancellationToken,
    ) -> Result<Deployed, Error> {
        for (name, value) in version.secrets {
            let namespace = &self.function.namespace;
            self.platform().set_secret(namespace, &name, value).await?;
        }
        let deploy = Deploy {
            function: self.function.clone(),
            image: Deployable::Stored(version.image),
            reference: None,
            // Who is to pull it is the server's matter; here it is there.
            config: RevisionConfig {
                registry: None,
                ..version.config
            },
        };
        Ok(self.platform.deploy_unless(deploy, given_up).await?)
    }

    /// Answers which function it is.
    pub(crate) fn function(&self) -> &FunctionId {
        &self.function
    }

    /// Answers its use cases.
    pub(crate) fn platform(&self) -> &Platform {
        self.platform.platform()
    }

    /// Sends one request to it, without any port.
    pub(crate) async fn call(&self, request: Request<Inbound>) -> Response<Outbound> {
        self.platform.call(request).await
    }

    /// Answers requests on its port from now on; answers whether it is the first time that it is told to.
    pub(crate) fn open(&self) -> bool {
        self.platform.open()
    }

    /// Answers where it is called.
    pub(crate) fn url(&self) -> String {
        self.platform().url_of(&self.function)
    }

    /// Tells callers that the newest version does not work, or that it does.
    pub(crate) fn tell(&self, trouble: Option<&Trouble>) {
        self.platform.tell(trouble);
    }

    /// Follows what the function prints, from now on.
    pub(crate) async fn follow(&self) -> Result<Follower, LogError> {
        self.platform.follow().await
    }

    /// Ends the function.
    pub(crate) async fn shutdown(self) {
        self.platform.shutdown().await;
    }

    /// Ends the function, and shows the last that it prints.
    pub(crate) async fn end(self, log: &mut Follower, printer: Printer) {
        tokio::select! {
            () = self.shutdown() => {}
            _ = show::<()>(log, printer) => {}
        }
    }
}

/// Shows what the function prints, for ever.
pub(crate) async fn show<T>(log: &mut Follower, printer: Printer) -> Result<T, Error> {
    while let Some(lines) = log.next().await? {
        for line in lines {
            printer.say(line.text);
        }
    }
    std::future::pending().await
}
