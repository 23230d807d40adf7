//! What builds ask for: Debian's archive, the clock by it, the languages' registries. And the port.

use std::net::SocketAddr;
use std::time::Instant;

use coracle_content::StoreError;
use coracle_debian::{Arch, Archive, Debian, InvalidMirror, LockError, Release, Silent};
use coracle_fetch::{ConfigError, Fetcher};
use coracle_spec::{Class, Failure};
use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;

use super::bounded::bounded;
use super::finding::{Finding, State};
use crate::context::Context;
use crate::engine::{self, EngineError};

/// The most of a registry's answer that is read: the page of a project with many releases.
const MOST_ANSWER: u64 = 32 << 20;

/// How far the clock may be behind the archive's. Mirrors publish within minutes.
const BEHIND: SignedDuration = SignedDuration::from_mins(10);

/// Where `up` and `serve` listen when nothing else is said.
const USUAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

/// Why the archive cannot be read.
#[derive(Debug, thiserror::Error)]
enum ArchiveError {
    #[error("cannot keep Debian's lists")]
    Store(#[from] StoreError),
    #[error("`CORACLE_DEBIAN_MIRROR` names no mirror")]
    Mirror(#[from] InvalidMirror),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Read(#[from] LockError),
}

impl Failure for ArchiveError {
    fn class(&self) -> Class {
        Class::Unavailable
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Mirror(error) => error.hint(),
            Self::Engine(error) => error.hint(),
            Self::Read(error) => error.hint(),
        }
    }
}

/// Asks for what builds ask for.
pub(super) async fn check(context: &Context) -> Vec<Finding> {
    let outside = &context.settings.outside;
    let fetcher = match Fetcher::new(outside.fetch_config()) {
        Ok(fetcher) => fetcher,
        Err(error) => return vec![bad_settings(&error)],
    };
    let pip = format!("{}/pip/", outside.registries.pip.index().trim_end_matches('/'));
    let npm = format!("{}/npm", outside.registries.npm.registry());
    let (port, archive, pip, npm) = tokio::join!(
        port(),
        archive(context, &fetcher),
        registry("Python packages", &fetcher, pip),
        registry("Node packages", &fetcher, npm),
    );
    [vec![port], archive, pip, npm].concat()
}

fn bad_settings(error: &ConfigError) -> Finding {
    Finding::failed("downloads", State::Missing, error)
}

async fn port() -> Finding {
    const CHECK: &str = "port";
    match TcpListener::bind(USUAL).await {
        Ok(_) => Finding::good(CHECK, format!("{USUAL} is free")),
        Err(_) => Finding::doubtful(
            CHECK,
            format!("{USUAL} is taken, maybe by a server of this program"),
            "`up` takes the next free one; `serve` takes another with `--listen ADDRESS`",
        ),
    }
}

/// Reads the archive's signed lists, as the first build of a project does.
async fn archive(context: &Context, fetcher: &Fetcher) -> Vec<Finding> {
    let lists = debian(context, fetcher.clone());
    bounded("Debian archive", move || {
        let since = Instant::now();
        match lists.and_then(|debian| Ok(debian.snapshot(Release::Trixie, arch(), &Silent)?)) {
            Err(error) => vec![Finding::failed("Debian archive", State::Missing, &error)],
            Ok(snapshot) => vec![
                answered("Debian archive", since),
                clock(Timestamp::now(), snapshot.published()),
            ],
        }
    })
    .await
}

fn debian(context: &Context, fetcher: Fetcher) -> Result<Debian, ArchiveError> {
    let settings = &context.settings;
    let outside = &settings.outside;
    let archive = Archive::choose(outside.debian_mirror.as_deref(), &outside.apt)?;
    Ok(Debian::new(engine::open_store(settings)?, fetcher, archive))
}

fn arch() -> Arch {
    if cfg!(target_arch = "aarch64") {
        Arch::Arm64
    } else {
        Arch::Amd64
    }
}

/// A clock that is behind what was published finds certificates and signatures not valid yet.
fn clock(now: Timestamp, published: Option<Timestamp>) -> Finding {
    const CHECK: &str = "clock";
    match published {
        Some(published) if now.duration_until(published) > BEHIND => Finding::missing(
            CHECK,
            format!("it is {now} here, and Debian's archive is of {published}"),
            "set it: `timedatectl set-ntp true`",
        ),
        _ => Finding::good(CHECK, "not behind Debian's archive"),
    }
}

/// One that does not answer concerns its language alone.
async fn registry(check: &'static str, fetcher: &Fetcher, url: String) -> Vec<Finding> {
    let fetcher = fetcher.clone();
    bounded(check, move || {
        let since = Instant::now();
        vec![match fetcher.get(&url, MOST_ANSWER) {
            Ok(_) => answered(check, since),
            Err(error) => Finding::failed(check, State::Doubtful, &error),
        }]
    })
    .await
}

fn answered(check: &'static str, since: Instant) -> Finding {
    Finding::good(
        check,
        format!("answered within {} ms", since.elapsed().as_millis()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_behind_the_archive_is_found() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        assert_eq!(clock(at(1_000_000), Some(at(900_000))).state, State::Good);
        assert_eq!(clock(at(1_000_000), Some(at(1_000_300))).state, State::Good);
        assert_eq!(clock(at(1_000_000), Some(at(2_000_000))).state, State::Missing);
        assert_eq!(clock(at(1_000_000), None).state, State::Good);
    }
}
