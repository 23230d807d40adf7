//! The places that a server listens on.

use std::net::SocketAddr;
use std::sync::Arc;

use coracle_gateway::{Gateway, Listener, ListenerLimits};
use coracle_tasks::Tasks;
use tokio::net::{TcpListener, UnixListener};

use super::{Listen, ServeConfig, ServeError};
use crate::data::DataDirectory;
use crate::listen::{self, ListenError};
use crate::tls::{self, Certificates};

/// The places that a server listens on, taken before anything else: what fails most often fails first.
pub(super) struct Sockets {
    tcp: TcpListener,
    unix: UnixListener,
    metrics: Option<TcpListener>,
    secure: Option<(TcpListener, Certificates)>,
    /// Where functions and the API are served.
    pub(super) address: SocketAddr,
    /// Where functions and the API are served by TLS.
    pub(super) secure_address: Option<SocketAddr>,
    /// Where metrics are served.
    pub(super) metrics_address: Option<SocketAddr>,
}

impl Sockets {
    /// Takes them all.
    pub(super) async fn take(data: &DataDirectory, config: &ServeConfig) -> Result<Self, ServeError> {
        let tcp = match &config.listen {
            Listen::At(address) => listen::tcp(*address).await?,
            Listen::On(socket) => listen::inherited(socket)?,
        };
        let metrics = match config.metrics {
            // Nobody needs to know the port before a scraper is set up, so a taken one is no reason not to serve.
            Some(address) => Some(listen::tcp_or_next(address).await?),
            None => None,
        };
        let secure = match &config.tls {
            Some(tls) => Some((listen::tls(tls.listen).await?, Certificates::read(tls)?)),
            None => None,
        };
        Ok(Self {
            secure_address: secure
                .as_ref()
                .and_then(|(listener, _)| listener.local_addr().ok()),
            secure,
            address: tcp.local_addr().map_err(ListenError::Inherited)?,
            unix: listen::unix(&data.socket())?,
            metrics_address: metrics.as_ref().and_then(|listener| listener.local_addr().ok()),
            tcp,
            metrics,
        })
    }

    /// Leads them to `gateway`, and the one for metrics to `scraped`.
    pub(super) fn serve(self, gateway: Arc<Gateway>, scraped: Arc<Gateway>, tasks: &Tasks) {
        let limits = ListenerLimits::default();
        coracle_gateway::serve(
            Arc::clone(&gateway),
            Listener::Unix(self.unix),
            limits.clone(),
            tasks,
        );
        if let Some((listener, certificates)) = self.secure {
            let listener = Listener::Tls(listener, certificates.shown());
            coracle_gateway::serve(Arc::clone(&gateway), listener, limits.clone(), tasks);
            tls::follow(certificates, tasks);
        }
        coracle_gateway::serve(gateway, Listener::Tcp(self.tcp), limits.clone(), tasks);
        if let Some(metrics) = self.metrics {
            coracle_gateway::serve(scraped, Listener::Tcp(metrics), limits, tasks);
        }
    }
}
