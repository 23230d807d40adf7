//! Services that sandboxes with a way out find on their own loopback: a resolver, and proxies of the host's loopback.
//!
//! A wrapper around any implementation of [`Sandboxes`], since neither needs anything but the sandbox's network
//! namespace. The alternative, a resolver and a proxy reachable over the link, would let every sandbox reach into the
//! host's network.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use coracle_netns::{
    DialError, Dialer, Forwarder, ForwarderLimits, HostResolver, Names, Netns, Resolver, ResolverLimits,
};
use coracle_tasks::{CancellationToken, Tasks};

use crate::error::{CreateError, Refusal};
use crate::sandbox::{Sandbox, Sandboxes};
use crate::spec::{Network, PlacedFile, SandboxSpec};

/// The host's own resolver configuration (resolv.conf(5)).
const HOST_RESOLV_CONF: &str = "/etc/resolv.conf";

/// Gives each sandbox with a way out a resolver at `127.0.0.53`, and what the host offers on its loopback.
#[derive(Clone)]
pub struct WithLoopback {
    inner: Arc<dyn Sandboxes>,
    offer: Arc<Offer>,
}

struct Offer {
    dialer: Dialer,
    tasks: Tasks,
    host: HostResolver,
    names: Arc<dyn Names>,
    forwarded: Vec<SocketAddr>,
}

impl WithLoopback {
    /// Wraps `inner`. `names` answers the platform's own names; each of `forwarded`, an address on the host's
    /// loopback, is found at the same address inside.
    pub fn new(
        inner: Arc<dyn Sandboxes>,
        (dialer, tasks): (Dialer, Tasks),
        names: Arc<dyn Names>,
        forwarded: Vec<SocketAddr>,
    ) -> Self {
        let host = HostResolver::new(Path::new(HOST_RESOLV_CONF), ResolverLimits::default());
        Self {
            inner,
            offer: Arc::new(Offer {
                dialer,
                tasks,
                host,
                names,
                forwarded,
            }),
        }
    }

    /// Offers the services inside a sandbox that is there already: one of an earlier server's.
    pub async fn attach(&self, sandbox: &Arc<dyn Sandbox>) -> Result<(), DialError> {
        let Some(network) = sandbox.network() else {
            return Ok(());
        };
        let resolver = self.offer.resolver(&network).await?;
        let forwarders = self.offer.forwarders(&network).await?;
        let sandbox = Arc::clone(sandbox);
        self.offer
            .tasks
            .spawn_graceful("loopback services", |stop| async move {
                let ended = stop.child_token();
                tokio::join!(serve(resolver, forwarders, ended.clone()), async {
                    // However the wait ends, nobody is left inside to be served.
                    let _ = stop.run_until_cancelled(sandbox.wait()).await;
                    ended.cancel();
                });
            });
        Ok(())
    }
}

#[async_trait]
impl Sandboxes for WithLoopback {
    async fn create(&self, mut spec: SandboxSpec) -> Result<Arc<dyn Sandbox>, CreateError> {
        if spec.network == Network::None {
            return self.inner.create(spec).await;
        }
        spec.files.push(self.offer.resolv_conf().await);
        let id = spec.id.clone();
        let sandbox = self.inner.create(spec).await?;
        match self.attach(&sandbox).await {
            Ok(()) => Ok(sandbox),
            Err(error) => {
                let source = Refusal::of(&error);
                if let Err(error) = sandbox.remove().await {
                    tracing::warn!(%error, "a sandbox without its services could not be removed");
                }
                Err(CreateError { id, source })
            }
        }
    }
}

impl Offer {
    async fn resolv_conf(&self) -> PlacedFile {
        PlacedFile {
            path: HOST_RESOLV_CONF.into(),
            mode: 0o444,
            owner: None,
            contents: self.host.instance_resolv_conf().await.into_bytes(),
        }
    }

    async fn resolver(&self, network: &Netns) -> Result<Resolver, DialError> {
        Resolver::bind(&self.dialer, network, self.host.clone(), Arc::clone(&self.names)).await
    }

    async fn forwarders(&self, network: &Netns) -> Result<Vec<Forwarder>, DialError> {
        let mut forwarders = Vec::new();
        for address in &self.forwarded {
            let limits = ForwarderLimits::default();
            forwarders.push(Forwarder::bind(&self.dialer, network, *address, *address, limits).await?);
        }
        Ok(forwarders)
    }
}

async fn serve(resolver: Resolver, forwarders: Vec<Forwarder>, ended: CancellationToken) {
    let forwarding = forwarders
        .into_iter()
        .map(|forwarder| forwarder.serve(ended.clone()));
    tokio::join!(
        resolver.serve(ended.clone()),
        futures::future::join_all(forwarding)
    );
}
