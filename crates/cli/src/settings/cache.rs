//! How much of the disk may be used: by what nothing uses, and by one step of a build.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use coracle_content::Limits;
use coracle_spec::{ByteSize, Span};

use super::{Environment, SettingsError, variables};

/// The least that the cache may take by default, however small the file system is.
const LEAST: u64 = 5 << 30;

/// Which share of the machine's memory one step may take by default, in per cent: the rest keeps the machine alive.
const MEMORY_SHARE: u64 = 80;

/// What may stay in the store although nothing uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cache {
    /// `CORACLE_CACHE_LIMIT`.
    pub(crate) limit: CacheLimit,
    /// `CORACLE_CACHE_AGE`.
    pub(crate) age: Age,
}

/// How much what nothing uses may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CacheLimit {
    /// A share of the file system in per cent, and at least 5 GiB.
    Usual(u64),
    /// A share of the file system in per cent.
    Share(u64),
    /// A size.
    Size(ByteSize),
    /// Any amount.
    None,
}

/// How long ago something was last of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    /// This long at most.
    Most(Duration),
    /// As long as it likes.
    Any,
}

/// What one step of a build may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Steps {
    /// `CORACLE_BUILD_MEMORY`.
    pub(crate) memory: Option<ByteSize>,
    /// `CORACLE_BUILD_DISK`.
    pub(crate) disk: ByteSize,
}

/// A text is no limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub(crate) struct InvalidLimit {
    text: String,
    expected: &'static str,
}

impl Cache {
    /// Reads the environment.
    pub(super) fn read(environment: &Environment) -> Result<Self, SettingsError> {
        Ok(Self {
            limit: environment
                .parsed(variables::CACHE_LIMIT)?
                .unwrap_or(CacheLimit::Usual(10)),
            age: environment
                .parsed(variables::CACHE_AGE)?
                .unwrap_or(Age::Most(Duration::from_hours(24 * 60))),
        })
    }

    /// Answers the limits of a store at `path`. A file system that does not tell its size is taken for a small one.
    pub(crate) fn limits(&self, path: &Path) -> Limits {
        let size = || rustix::fs::statvfs(path).map_or(0, |stat| stat.f_blocks.saturating_mul(stat.f_frsize));
        let share = |percent: u64| size() / 100 * percent;
        Limits {
            bytes: match self.limit {
                CacheLimit::Usual(percent) => Some(share(percent).max(LEAST)),
                CacheLimit::Share(percent) => Some(share(percent)),
                CacheLimit::Size(size) => Some(size.bytes()),
                CacheLimit::None => None,
            },
            unused: self.age.most(),
        }
    }
}

impl Age {
    /// Answers the span, if there is one.
    pub(crate) fn most(self) -> Option<Duration> {
        match self {
            Self::Most(span) => Some(span),
            Self::Any => None,
        }
    }
}

impl Steps {
    /// Reads the environment.
    pub(super) fn read(environment: &Environment) -> Result<Self, SettingsError> {
        Ok(Self {
            memory: environment.parsed(variables::BUILD_MEMORY)?.or_else(usual_memory),
            disk: environment
                .parsed(variables::BUILD_DISK)?
                .unwrap_or(ByteSize::mebibytes(10 << 10)),
        })
    }
}

fn usual_memory() -> Option<ByteSize> {
    let info = rustix::system::sysinfo();
    let total = u64::from(info.mem_unit).checked_mul(info.totalram)?;
    (total > 0).then_some(ByteSize(total / 100 * MEMORY_SHARE))
}

impl FromStr for CacheLimit {
    type Err = InvalidLimit;

    fn from_str(text: &str) -> Result<Self, InvalidLimit> {
        if text == "none" {
            return Ok(Self::None);
        }
        let limit = match text.strip_suffix('%') {
            Some(share) => share.parse().ok().filter(|share| *share <= 100).map(Self::Share),
            None => text.parse().ok().map(Self::Size),
        };
        limit.ok_or_else(|| InvalidLimit {
            text: text.to_owned(),
            expected: "a size, such as `20Gi`, a share of the file system, such as `10%`, or `none`",
        })
    }
}

impl FromStr for Age {
    type Err = InvalidLimit;

    fn from_str(text: &str) -> Result<Self, InvalidLimit> {
        if text == "none" {
            return Ok(Self::Any);
        }
        let span = match text.strip_suffix('d') {
            Some(days) => days
                .parse()
                .ok()
                .and_then(|days: u64| days.checked_mul(24 * 60 * 60))
                .map(Duration::from_secs),
            None => text.parse().ok().map(|Span(span)| span),
        };
        span.map(Self::Most).ok_or_else(|| InvalidLimit {
            text: text.to_owned(),
            expected: "a span of time, such as `30d` or `12h`, or `none`",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_sizes_shares_or_none_and_nothing_else() {
        for (text, expected) in [
            ("20Gi", Some(CacheLimit::Size(ByteSize(20 << 30)))),
            ("0", Some(CacheLimit::Size(ByteSize(0)))),
            ("10%", Some(CacheLimit::Share(10))),
            ("none", Some(CacheLimit::None)),
            ("101%", None),
            ("-1", None),
            ("much", None),
        ] {
            assert_eq!(text.parse().ok(), expected, "{text}");
        }
        for (text, expected) in [
            ("30d", Some(Age::Most(Duration::from_hours(720)))),
            ("12h", Some(Age::Most(Duration::from_hours(12)))),
            ("none", Some(Age::Any)),
            ("30", None),
            ("99999999999999999d", None),
        ] {
            assert_eq!(text.parse().ok(), expected, "{text}");
        }
    }

    #[test]
    fn a_variable_that_is_no_limit_is_named() {
        let environment = Environment::of(&[("CORACLE_CACHE_LIMIT", "much")]);
        let error = Cache::read(&environment).unwrap_err();
        assert!(error.to_string().contains("CORACLE_CACHE_LIMIT"), "{error}");
    }

    #[test]
    fn by_default_the_cache_may_take_some_gibibytes_and_a_step_most_of_the_memory() {
        let environment = Environment::default();
        let limits = Cache::read(&environment)
            .unwrap()
            .limits(Path::new("/nonexistent"));
        assert_eq!(limits.bytes, Some(LEAST));
        assert!(limits.unused.is_some());
        let steps = Steps::read(&environment).unwrap();
        assert!(steps.memory.unwrap().bytes() > 64 << 20);
    }
}
