//! One repository at one endpoint: requests with who we are, with deadlines, and sent again when that may help.
//!
//! ```text
//! send ─► attempt ─► exchange ─► 401 ─► token ─► exchange ─► judged ─► answer
//!           ▲                                                  │
//!           └────────── pause ◄── broken, 408, 429, 5xx ◄──────┘
//! ```

use coracle_fetch::SafeUrl;
use coracle_spec::ImageRef;
use http::{HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use reqwest::{Response, Url};
use tokio::time::timeout;

use crate::attempt::{Attempts, Setback, asked_pause};
use crate::auth::Key;
use crate::call::Call;
use crate::endpoint::{Endpoint, Scheme};
use crate::error::{Broken, DistributionError, Refusal};
use crate::reply;
use crate::settings::Patience;
use crate::shared::Shared;

/// What is wanted of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// To read it.
    Pull,
    /// To read and write it.
    Push,
}

/// One repository at one endpoint.
pub(crate) struct Session<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) endpoint: Endpoint,
    /// The repository as it is called there.
    pub(crate) repository: String,
    /// The registry that a mirror stands for.
    stands_for: Option<String>,
    base: Url,
    access: Access,
}

impl<'a> Session<'a> {
    /// Opens the repository of `image` at `endpoint`; how that is spoken to is tried, where it may be either way.
    pub(crate) async fn open(
        shared: &'a Shared,
        endpoint: &Endpoint,
        image: &ImageRef,
        access: Access,
    ) -> Result<Self, DistributionError> {
        Self::open_at(shared, endpoint, image.registry(), (image.repository(), access)).await
    }

    /// Opens a repository by its name, or a registry as a whole with an empty one.
    pub(crate) async fn open_at(
        shared: &'a Shared,
        endpoint: &Endpoint,
        registry: &str,
        (repository, access): (&str, Access),
    ) -> Result<Self, DistributionError> {
        let scheme = shared.scheme(endpoint);
        let base =
            endpoint
                .base(scheme.unwrap_or(Scheme::Https))
                .ok_or_else(|| DistributionError::Unusable {
                    image: repository.to_owned(),
                    reason: format!("`{endpoint}` is no host"),
                })?;
        let mut session = Self {
            shared,
            endpoint: endpoint.clone(),
            repository: endpoint.repository(repository),
            stands_for: endpoint.is_mirror.then(|| registry.to_owned()),
            base,
            access,
        };
        if scheme.is_none() {
            session.try_schemes().await?;
        }
        Ok(session)
    }

    /// Finds out how a registry is spoken to that may be plain: TLS goes first, and is not given up for a certificate
    /// that is not trusted.
    async fn try_schemes(&mut self) -> Result<(), DistributionError> {
        let found = match self.probe().await {
            Ok(()) => Scheme::Https,
            Err(error) if error.is_untrusted() => return Err(unreachable(&self.base, error)),
            Err(secure) => {
                let plain = self
                    .endpoint
                    .base(Scheme::Http)
                    .unwrap_or_else(|| self.base.clone());
                let tried = std::mem::replace(&mut self.base, plain);
                self.probe().await.map_err(|_| unreachable(&tried, secure))?;
                Scheme::Http
            }
        };
        self.shared.set_scheme(&self.endpoint, found);
        Ok(())
    }

    async fn probe(&self) -> Result<(), Broken> {
        let Ok(http) = self.shared.http() else {
            // Each request says why.
            return Ok(());
        };
        let call = Call::new(Method::GET, self.base.clone());
        let sending = call.request(http).await?.send();
        match timeout(self.patience().answer, sending).await {
            Ok(result) => result.map(drop).map_err(Broken::http),
            Err(_) => Err(Broken::Stalled(self.patience().answer)),
        }
    }

    /// Answers an address beneath the repository: `manifests/latest`.
    pub(crate) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("/v2/{}/{path}", self.repository));
        if let Some(registry) = &self.stands_for {
            url.query_pairs_mut().append_pair("ns", registry);
        }
        url
    }

    /// Answers the address of the registry itself.
    pub(crate) fn registry_url(&self) -> Url {
        self.base.clone()
    }

    /// Sends a call, again if that may help. Answers what is neither a refusal nor a failure of the registry.
    pub(crate) async fn send(&self, call: &Call) -> Result<Response, DistributionError> {
        let mut attempts = Attempts::new(*self.patience());
        loop {
            match self.attempt(call).await {
                Ok(response) => return Ok(response),
                Err(setback) => attempts.pause(setback).await?,
            }
        }
    }

    /// Sends a call once, twice if it takes a token.
    pub(crate) async fn attempt(&self, call: &Call) -> Result<Response, Setback> {
        if !self.is_own(&call.url) {
            let response = self.exchange(call, None).await?;
            return self.judge(response).await;
        }
        let key = self.key(call);
        let held = self.shared.tokens.header(&key);
        let response = self.exchange(call, held.clone()).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return self.judge(response).await;
        }
        let header = self.authenticate(response.headers(), key, held).await?;
        let response = self.exchange(call, Some(header)).await?;
        self.judge(response).await
    }

    /// Sends a call once.
    pub(crate) async fn exchange(&self, call: &Call, who: Option<HeaderValue>) -> Result<Response, Setback> {
        let http = self.shared.http().map_err(DistributionError::from)?;
        let failed = |broken: Broken| {
            let is_final = broken.is_untrusted() || broken.is_redirect();
            let error = unreachable(&call.url, broken);
            if is_final {
                Setback::Final(error)
            } else {
                Setback::Passing(error, None)
            }
        };
        let mut request = call.request(http).await.map_err(failed)?;
        if let Some(header) = who {
            request = request.header(header::AUTHORIZATION, header);
        }
        let patience = call.patience.unwrap_or(self.patience().answer);
        match timeout(patience, request.send()).await {
            Ok(result) => result.map_err(|error| failed(Broken::http(error))),
            Err(_) => Err(failed(Broken::Stalled(patience))),
        }
    }

    /// Tells answers that are of use, or that the caller judges, from refusals and failures.
    pub(crate) async fn judge(&self, response: Response) -> Result<Response, Setback> {
        let status = response.status();
        match status.as_u16() {
            401 | 403 => {
                let refusal = reply::refusal(response, self.patience()).await;
                Err(self.denied(refusal).await.into())
            }
            429 => {
                let after = asked_pause(response.headers(), Timestamp::now());
                let error = DistributionError::Busy {
                    registry: self.endpoint.to_string(),
                    after,
                    source: reply::refusal(response, self.patience()).await,
                };
                Err(Setback::Passing(error, after))
            }
            408 | 500 | 502..=504 => {
                let after = asked_pause(response.headers(), Timestamp::now());
                let error = reply::unexpected(response, &self.repository, self.patience()).await;
                Err(Setback::Passing(error, after))
            }
            _ => Ok(response),
        }
    }

    /// Answers the error of a registry that refuses us.
    pub(crate) async fn denied(&self, source: Option<Refusal>) -> DistributionError {
        DistributionError::Denied {
            registry: self.endpoint.registry.clone(),
            known: matches!(self.credential().await, Ok(Some(_))),
            is_party: self.shared.party.is_some(),
            source,
        }
    }

    pub(crate) fn patience(&self) -> &Patience {
        &self.shared.settings.patience
    }

    /// Answers the registry's address, to be shown.
    pub(crate) fn shown(&self) -> SafeUrl {
        SafeUrl::of(self.base.as_str())
    }

    /// Answers whether it is spoken to without TLS.
    pub(crate) fn is_plain(&self) -> bool {
        self.base.scheme() == "http"
    }

    /// Answers whether an address, which the registry may have named, is the registry's own: only that hears who we
    /// are.
    fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    fn key(&self, call: &Call) -> Key {
        let own = match (self.repository.as_str(), self.access) {
            ("", _) => String::new(),
            (repository, Access::Pull) => format!("repository:{repository}:pull"),
            (repository, Access::Push) => format!("repository:{repository}:pull,push"),
        };
        let scope = match &call.also_reads {
            Some(other) => format!("{own} repository:{other}:pull"),
            None => own,
        };
        (self.base.to_string(), scope)
    }
}

/// Answers the error of a connection that broke.
pub(crate) fn unreachable(url: &Url, source: Broken) -> DistributionError {
    DistributionError::Unreachable {
        url: SafeUrl::of(url.as_str()),
        source,
    }
}
