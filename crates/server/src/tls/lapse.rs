//! Certificates that clients refuse for their dates (RFC 5280 §4.1.2.5), or soon will.
//!
//! The check is the one that clients make. Reading the dates with a parser of our own lost.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier as _;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{CertificateError, Error, RootCertStore};

/// How long before its end a certificate should have been renewed.
const SOON: Duration = Duration::from_hours(14 * 24);

/// When a certificate is no good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lapse {
    /// Until then.
    Before(UnixTime),
    /// From then on.
    After(UnixTime),
}

/// Tells the log when the first certificate of a chain, which is in `file`, is refused by clients or soon will be.
pub(super) fn tell(chain: &[CertificateDer<'_>], file: &Path) {
    if let Some(trouble) = trouble(chain, UnixTime::now()) {
        tracing::warn!("the certificate in `{}` {trouble}", file.display());
    }
}

/// Answers what is wrong with the dates of a certificate at `now`.
fn trouble(chain: &[CertificateDer<'_>], now: UnixTime) -> Option<String> {
    let soon = UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs()) + SOON);
    match (lapse(chain, now), lapse(chain, soon)) {
        (Some(Lapse::After(end)), _) => Some(format!("expired on {}: clients refuse it", date(end))),
        (Some(Lapse::Before(start)), _) => {
            Some(format!("is not valid before {}: clients refuse it", date(start)))
        }
        (None, Some(Lapse::After(end))) => Some(format!("expires on {}", date(end))),
        (None, _) => None,
    }
}

/// Answers why a client would refuse a certificate at a time, if for its dates: those are looked at before who issued it.
fn lapse(chain: &[CertificateDer<'_>], at: UnixTime) -> Option<Lapse> {
    let (own, above) = chain.split_first()?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates([own.clone()]);
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .ok()?;
    let name = ServerName::try_from("localhost").ok()?;
    match verifier.verify_server_cert(own, above, &name, &[], at) {
        Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            Some(Lapse::After(not_after))
        }
        Err(Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. })) => {
            Some(Lapse::Before(not_before))
        }
        _ => None,
    }
}

fn date(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    time.to_zoned(TimeZone::UTC).date().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first seconds of 2020 and 2021.
    const START: u64 = 1_577_836_800;
    const END: u64 = 1_609_459_200;

    #[test]
    fn a_certificate_is_told_of_that_has_expired_or_soon_will_or_is_not_valid_yet() {
        let mut params = rcgen::CertificateParams::new(["boats.example".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let chain = [params.self_signed(&key).unwrap().der().clone()];
        let days = |count: u64| count * 24 * 3600;
        for (now, expected) in [
            (
                START - 1,
                Some("is not valid before 2020-01-01: clients refuse it"),
            ),
            (START + days(100), None),
            (END - days(15), None),
            (END - days(13), Some("expires on 2021-01-01")),
            (END + 1, Some("expired on 2021-01-01: clients refuse it")),
        ] {
            let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
            assert_eq!(trouble(&chain, now).as_deref(), expected);
        }
    }
}
