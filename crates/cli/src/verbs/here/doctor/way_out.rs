//! The way out of instances: names, links and rules, and whether the host's firewalls let packets pass.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use coracle_netns::{Egress, EgressConfig, EgressError, Netns, NetnsError};
use coracle_spec::{Class, Failure};
use http::Uri;
use tokio::net::lookup_host;

use super::bounded::bounded;
use super::finding::{Finding, State};
use crate::settings::Outside;

const CHECK: &str = "way out";

/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why instances have no way out.
#[derive(Debug, thiserror::Error)]
enum WayOutError {
    #[error(transparent)]
    Egress(#[from] EgressError),
    #[error("cannot make a network namespace")]
    Namespace(#[from] NetnsError),
    #[error("this host reaches {0}, and instances do not")]
    Unreachable(SocketAddr, #[source] io::Error),
}

impl Failure for WayOutError {
    fn class(&self) -> Class {
        Class::Unavailable
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Egress(error) => error.hint(),
            Self::Namespace(error) => error.hint(),
            Self::Unreachable(..) => Some(
                "a firewall drops what this host forwards: let it accept links called `coracle*`".to_owned(),
            ),
        }
    }
}

/// Looks a name up, and connects there from a namespace that has what instances have.
pub(super) async fn check(outside: &Outside) -> Vec<Finding> {
    let (names, address) = names(outside.registries.npm.registry()).await;
    let is_direct = outside.proxy_variables().is_empty();
    let target = address.filter(|_| is_direct);
    let way_out = bounded(CHECK, move || vec![way_out(target)]).await;
    // Behind a proxy it is the proxy that looks names up.
    let names = is_direct.then_some(names);
    names.into_iter().chain(way_out).collect()
}

/// Answers what became of the look-up of a registry's name, and an address to connect to.
async fn names(registry: &str) -> (Finding, Option<SocketAddr>) {
    const CHECK: &str = "names";
    let uri: Uri = registry.parse().unwrap_or_default();
    let host = uri.host().unwrap_or("deb.debian.org").to_owned();
    let port = uri
        .port_u16()
        .unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
    match lookup_host((host.as_str(), port)).await {
        // Instances have IPv4 only.
        Ok(mut addresses) => {
            let address = addresses.find(SocketAddr::is_ipv4);
            let finding = match address {
                Some(_) => Finding::good(CHECK, format!("`{host}` is found")),
                None => Finding::doubtful(
                    CHECK,
                    format!("`{host}` has no IPv4 address"),
                    "instances reach IPv4 addresses only",
                ),
            };
            (finding, address)
        }
        Err(error) => {
            let found = format!("`{host}` is not found: {error}");
            let advice = "check the name servers in `/etc/resolv.conf`";
            (Finding::missing(CHECK, found, advice), None)
        }
    }
}

fn way_out(target: Option<SocketAddr>) -> Finding {
    match attempt(target) {
        Err(error) => Finding::failed(CHECK, State::Missing, &error),
        Ok(warnings) if warnings.is_empty() => {
            let reached = target.map_or_else(String::new, |target| format!(", and lead to {target}"));
            Finding::good(CHECK, format!("links and firewall rules can be made{reached}"))
        }
        Ok(warnings) => Finding::doubtful(CHECK, warnings.join("; "), None),
    }
}

/// Sets up what leads out of instances, connects through it, and takes it away again.
fn attempt(target: Option<SocketAddr>) -> Result<Vec<String>, WayOutError> {
    let egress = Egress::open(&EgressConfig::default())?;
    let connected = target.map_or(Ok(()), |target| connect(&egress, target));
    let warnings = egress.warnings().iter().map(ToString::to_string).collect();
    egress.close()?;
    connected.map(|()| warnings)
}

/// A host that cannot connect itself says nothing about instances.
fn connect(egress: &Egress, target: SocketAddr) -> Result<(), WayOutError> {
    if TcpStream::connect_timeout(&target, PATIENCE).is_err() {
        return Ok(());
    }
    let instance = Netns::create()?;
    egress.attach(&instance)?;
    match instance.run(|| TcpStream::connect_timeout(&target, PATIENCE))? {
        Ok(_) => Ok(()),
        Err(error) => Err(WayOutError::Unreachable(target, error)),
    }
}
