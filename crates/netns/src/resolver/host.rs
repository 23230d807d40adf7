//! The host's resolvers, asked in turn.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::ResolverLimits;
use super::message::{Query, is_failure};
use super::resolv_conf::ResolvConf;
use super::upstream::{over_tcp, over_udp};

/// How old what is known of the file may be: a laptop changes networks.
const FRESH: Duration = Duration::from_secs(5);

/// Asks the servers of the host's `resolv.conf`. Cheap to clone; one serves all instances.
#[derive(Debug, Clone)]
pub struct HostResolver(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    file: PathBuf,
    limits: ResolverLimits,
    read: Mutex<Option<(Instant, Arc<ResolvConf>)>>,
}

#[derive(Clone, Copy)]
enum Transport {
    Udp,
    Tcp,
}

impl HostResolver {
    /// Makes one that reads `file`, `/etc/resolv.conf` as a rule, whenever what it knows is older than five seconds.
    pub fn new(file: impl Into<PathBuf>, limits: ResolverLimits) -> Self {
        Self(Arc::new(Shared {
            file: file.into(),
            limits,
            read: Mutex::new(None),
        }))
    }

    /// Answers the `resolv.conf` for an instance: its resolver, with the host's search domains and options.
    pub async fn instance_resolv_conf(&self) -> String {
        self.configuration().await.for_instance()
    }

    pub(super) fn limits(&self) -> ResolverLimits {
        self.0.limits
    }

    /// Answers what a server says, or a failure if none says anything.
    pub(super) async fn ask_udp(&self, query: &Query) -> Vec<u8> {
        self.ask(query, Transport::Udp).await
    }

    /// Does the same over TCP.
    pub(super) async fn ask_tcp(&self, query: &Query) -> Vec<u8> {
        self.ask(query, Transport::Tcp).await
    }

    /// Goes through the servers once. One that fails is kept in case the others do no better.
    async fn ask(&self, query: &Query, transport: Transport) -> Vec<u8> {
        let deadline = Instant::now() + self.0.limits.total;
        let mut failure = None;
        for server in &self.configuration().await.servers {
            let until = deadline.min(Instant::now() + self.0.limits.attempt);
            match timeout_at(until, attempt(query, *server, transport))
                .await
                .ok()
                .flatten()
            {
                Some(answer) if is_failure(&answer) => failure = Some(answer),
                Some(answer) => return answer,
                None => {}
            }
        }
        failure.unwrap_or_else(|| query.failure())
    }

    async fn configuration(&self) -> Arc<ResolvConf> {
        if let Some(known) = self.known() {
            return known;
        }
        // A host without the file has its resolver on its own loopback, resolv.conf(5) says.
        let text = tokio::fs::read_to_string(&self.0.file).await.unwrap_or_default();
        let read = Arc::new(ResolvConf::parse(&text));
        *self.0.read.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((Instant::now(), Arc::clone(&read)));
        read
    }

    fn known(&self) -> Option<Arc<ResolvConf>> {
        let read = self.0.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.as_ref()
            .filter(|(at, _)| at.elapsed() < FRESH)
            .map(|(_, known)| Arc::clone(known))
    }
}

async fn attempt(query: &Query, server: SocketAddr, transport: Transport) -> Option<Vec<u8>> {
    match transport {
        Transport::Udp => over_udp(query, server).await.ok(),
        Transport::Tcp => over_tcp(query, server).await.ok(),
    }
}
