//! What stood in a connection's way, in one sentence.
//!
//! It is looked for in the causes of whatever error an HTTP client gives: what TLS says goes before what the system says,
//! and that before what the client makes of it.

use std::error::Error;
use std::io;

use jiff::Timestamp;
use rustls::pki_types::UnixTime;
use rustls::{CertificateError, Error as Tls};

/// How many of the names that a certificate is for are shown.
const NAMES: usize = 3;

/// What the standard library says before the resolver's own words.
const LOOKUP: &str = "failed to lookup address information: ";

/// What stood in a connection's way. Prints as a sentence about the other side, without its name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// The name server knows no such host, or does not answer.
    #[error("the name of the host cannot be looked up: {0}")]
    Name(String),
    /// The host is there, and nobody listens at the port.
    #[error("the connection was refused")]
    Refused,
    /// No network leads there.
    #[error("there is no way to its address: {0}")]
    NoWay(String),
    /// Nothing came in time.
    #[error("nothing came in time")]
    Silent,
    /// The other side closed the connection, or something on the way did.
    #[error("the connection was closed by the other side")]
    Closed,
    /// TLS was spoken, and the answer was none.
    #[error("what answers there speaks no TLS")]
    NotTls,
    /// Nobody that is trusted has signed the certificate.
    #[error("its certificate is signed by nobody that is trusted")]
    Untrusted,
    /// The certificate is not good for this, whoever signed it.
    #[error("its certificate {0}")]
    Certificate(String),
    /// TLS failed in another way.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// Anything else, in the words of whoever met it.
    #[error("{0}")]
    Other(String),
}

impl Obstacle {
    /// Finds it among an error and its causes.
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        if let Some(tls) = find(error, &|cause| cause.downcast_ref::<Tls>()) {
            return Self::of_tls(tls);
        }
        let said = find(error, &|cause| {
            cause.downcast_ref::<io::Error>().filter(|io| is_plain(io))
        });
        said.map_or_else(|| Self::Other(root(error).to_string()), Self::of_io)
    }

    /// Answers whether the other side's certificate is what stood in the way, which no further attempt changes.
    pub fn is_of_certificate(&self) -> bool {
        matches!(self, Self::Untrusted | Self::Certificate(_))
    }

    /// Answers whether the other side was not reached at all.
    pub fn is_of_network(&self) -> bool {
        matches!(self, Self::Name(_) | Self::NoWay(_) | Self::Silent)
    }

    fn of_tls(error: &Tls) -> Self {
        match error {
            Tls::InvalidMessage(_) => Self::NotTls,
            Tls::InvalidCertificate(CertificateError::UnknownIssuer) => Self::Untrusted,
            Tls::InvalidCertificate(error) => Self::Certificate(trouble(error)),
            Tls::NoCertificatesPresented => Self::Certificate("is not shown".to_owned()),
            other => Self::Tls(other.to_string()),
        }
    }

    fn of_io(error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::ConnectionRefused => Self::Refused,
            Kind::NetworkUnreachable | Kind::HostUnreachable | Kind::AddrNotAvailable | Kind::NetworkDown => {
                Self::NoWay(error.to_string())
            }
            Kind::TimedOut => Self::Silent,
            Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe | Kind::UnexpectedEof => {
                Self::Closed
            }
            _ => match error.to_string().strip_prefix(LOOKUP) {
                Some(why) => Self::Name(why.to_owned()),
                None => Self::Other(error.to_string()),
            },
        }
    }
}

/// Answers whether an I/O error speaks for itself, and not for one that it holds.
fn is_plain(error: &io::Error) -> bool {
    error.get_ref().is_none() || !matches!(Obstacle::of_io(error), Obstacle::Other(_))
}

/// Answers the first of an error and its causes that is what `wanted` takes. An I/O error skips over the one that it
/// holds.
fn find<'a, T>(
    error: &'a (dyn Error + 'static),
    wanted: &dyn Fn(&'a (dyn Error + 'static)) -> Option<&'a T>,
) -> Option<&'a T> {
    let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    wanted(error)
        .or_else(|| held.and_then(|held| find(held, wanted)))
        .or_else(|| error.source().and_then(|source| find(source, wanted)))
}

fn root<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    error.source().map_or(error, root)
}

/// Answers what is wrong with a certificate, after the words "its certificate".
fn trouble(error: &CertificateError) -> String {
    match error {
        CertificateError::ExpiredContext { time, not_after } => {
            format!("expired at {}; here it is {}", date(*not_after), date(*time))
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            format!(
                "is good from {} on; here it is {}",
                date(*not_before),
                date(*time)
            )
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            format!("is for {}, not for `{}`", names(presented), expected.to_str())
        }
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "is an authority's, and none that a server may show: it lacks `basicConstraints=CA:FALSE`"
                .to_owned()
        }
        other => format!("cannot be used: {other}"),
    }
}

/// Lists names, which come as `DnsName("boats.example")` or `IpAddress(10.0.0.1)`.
fn names(presented: &[String]) -> String {
    let bare = |name: &String| {
        let inner = name.split_once('(').map_or(name.as_str(), |(_, inner)| inner);
        format!("`{}`", inner.trim_matches(['(', ')', '"']))
    };
    match presented {
        [] => "no host".to_owned(),
        some => some.iter().take(NAMES).map(bare).collect::<Vec<_>>().join(", "),
    }
}

fn date(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).map_or_else(|_| "some time".to_owned(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustls::InvalidMessage;
    use rustls::pki_types::ServerName;

    use super::*;

    /// An HTTP client's error around another.
    #[derive(Debug, thiserror::Error)]
    #[error("client error (Connect)")]
    struct Around(#[source] Box<dyn Error + Send + Sync>);

    fn said(error: impl Error + Send + Sync + 'static) -> String {
        Obstacle::of(&Around(Box::new(Around(Box::new(error))))).to_string()
    }

    fn held(tls: Tls) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, tls)
    }

    fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    #[test]
    fn what_the_system_says_is_one_sentence() {
        for (error, sentence) in [
            (
                io::Error::other("failed to lookup address information: Name or service not known"),
                "the name of the host cannot be looked up: Name or service not known",
            ),
            (io::Error::from_raw_os_error(111), "the connection was refused"),
            (
                io::Error::from_raw_os_error(101),
                "there is no way to its address: Network is unreachable (os error 101)",
            ),
            (io::Error::from_raw_os_error(110), "nothing came in time"),
            (
                io::Error::from_raw_os_error(104),
                "the connection was closed by the other side",
            ),
            (
                io::Error::from_raw_os_error(13),
                "Permission denied (os error 13)",
            ),
            (io::Error::other("the moon is full"), "the moon is full"),
            (
                io::Error::other(io::Error::from_raw_os_error(111)),
                "the connection was refused",
            ),
        ] {
            assert_eq!(said(error), sentence);
        }
    }

    #[test]
    fn what_tls_says_is_one_sentence_wherever_it_is_held() {
        let expired = CertificateError::ExpiredContext {
            time: at(1_700_000_000),
            not_after: at(1_580_515_200),
        };
        let elsewhere = CertificateError::NotValidForNameContext {
            expected: ServerName::try_from("boats.example").unwrap(),
            presented: vec![
                "DnsName(\"a.example\")".to_owned(),
                "IpAddress(10.0.0.1)".to_owned(),
            ],
        };
        for (error, sentence) in [
            (
                Tls::InvalidMessage(InvalidMessage::InvalidContentType),
                "what answers there speaks no TLS",
            ),
            (
                Tls::InvalidCertificate(CertificateError::UnknownIssuer),
                "its certificate is signed by nobody that is trusted",
            ),
            (
                Tls::InvalidCertificate(expired),
                "its certificate expired at 2020-02-01T00:00:00Z; here it is 2023-11-14T22:13:20Z",
            ),
            (
                Tls::InvalidCertificate(elsewhere),
                "its certificate is for `a.example`, `10.0.0.1`, not for `boats.example`",
            ),
        ] {
            assert_eq!(said(held(error.clone())), sentence);
            assert_eq!(said(error), sentence);
        }
    }

    #[test]
    fn what_nobody_knows_is_said_in_the_words_of_its_root() {
        let odd = Around("a redirect is not followed".into());
        assert_eq!(said(odd), "a redirect is not followed");
    }
}
