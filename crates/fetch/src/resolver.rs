//! Resolves each host once and shares the answer.
//!
//! Parallel downloads look up the same host at the same moment; name servers drop such bursts, and each lost
//! packet costs five seconds. The first look-up is made while the others wait for it, and its answer is used
//! for a while.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// How long an answer is used: long enough for one build, short enough for a server that moves.
const LIFETIME: Duration = Duration::from_mins(2);

/// The look-up of one host, held locked while it runs.
type Entry = Arc<Mutex<Option<Answer>>>;

struct Answer {
    addresses: Vec<SocketAddr>,
    until: Instant,
}

/// A resolver that remembers.
#[derive(Default)]
pub(crate) struct CachingResolver<R = DefaultResolver> {
    inner: R,
    entries: Mutex<HashMap<String, Entry>>,
}

impl<R> CachingResolver<R> {
    fn entry(&self, uri: &Uri) -> Entry {
        let key = format!(
            "{}://{}",
            uri.scheme_str().unwrap_or_default(),
            host_and_port(uri)
        );
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(entries.entry(key).or_default())
    }
}

impl<R: Resolver> Resolver for CachingResolver<R> {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let entry = self.entry(uri);
        let mut answer = entry.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = answer.as_ref().filter(|answer| answer.until > Instant::now()) {
            let mut addresses = self.empty();
            known
                .addresses
                .iter()
                .for_each(|address| addresses.push(*address));
            return Ok(addresses);
        }
        let addresses = self.inner.resolve(uri, config, timeout)?;
        *answer = Some(Answer {
            addresses: addresses.to_vec(),
            until: Instant::now() + LIFETIME,
        });
        Ok(addresses)
    }
}

impl<R> fmt::Debug for CachingResolver<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CachingResolver")
    }
}

fn host_and_port(uri: &Uri) -> String {
    let host = uri.host().unwrap_or_default().to_ascii_lowercase();
    format!(
        "{host}:{}",
        uri.port_u16().map_or_else(String::new, |port| port.to_string())
    )
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use ureq::Timeout;

    use super::*;

    #[derive(Debug, Default)]
    struct Counting(AtomicUsize);

    impl Resolver for Counting {
        fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
            if self.0.fetch_add(1, Ordering::SeqCst) == 0 {
                return Err(ureq::Error::HostNotFound);
            }
            let mut addresses = self.empty();
            addresses.push(([127, 0, 0, 1], 80).into());
            Ok(addresses)
        }
    }

    #[test]
    fn a_host_is_looked_up_once_for_all_threads_and_a_failure_is_not_remembered() {
        let resolver = CachingResolver::<Counting>::default();
        let lookup = |uri: &'static str| {
            let timeout = NextTimeout {
                after: Duration::from_secs(1).into(),
                reason: Timeout::Resolve,
                ..NextTimeout::default()
            };
            resolver.resolve(&Uri::from_static(uri), &Config::default(), timeout)
        };
        assert!(lookup("http://a.example/x").is_err());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert_eq!(lookup("http://A.example/y").expect("resolves").len(), 1));
            }
        });
        assert_eq!(resolver.inner.0.load(Ordering::SeqCst), 2);
        lookup("http://b.example/").expect("resolves");
        assert_eq!(resolver.inner.0.load(Ordering::SeqCst), 3);
    }
}
