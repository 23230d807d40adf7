//! Why the newest version does not run, as the terminal and callers are told.

use std::fmt::Write as _;

use coracle_build::{BuildError, LogTail};
use coracle_server::Trouble;

use crate::error::Error;
use crate::printer::Paint;

/// How many of a failed step's last lines are told.
const MOST_LINES: usize = 30;

/// Why the newest version does not run.
pub(super) struct Mishap {
    error: Error,
    /// What the failed step printed last.
    said: Vec<String>,
}

impl<E: Into<Error>> From<E> for Mishap {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            said: Vec::new(),
        }
    }
}

impl Mishap {
    /// Makes it of a failed build.
    pub(super) fn of_build(error: BuildError) -> Self {
        Self {
            said: error.log().map(last_lines).unwrap_or_default(),
            error: error.into(),
        }
    }

    /// Answers all of it: what was printed, then what failed, why, and what to do.
    pub(super) fn report(&self, paint: Paint) -> String {
        let mut text = String::new();
        for line in &self.said {
            let _ = writeln!(text, "{}", paint.faint(line));
        }
        if let Some(report) = self.error.report(paint) {
            let _ = write!(text, "{report}");
        }
        text
    }

    /// Answers what callers are told.
    pub(super) fn trouble(&self) -> Trouble {
        Trouble {
            summary: self.error.summary(),
            report: self.report(Paint::PLAIN),
        }
    }
}

fn last_lines(log: &LogTail) -> Vec<String> {
    let count = log.lines().count();
    let last = log.lines().skip(count.saturating_sub(MOST_LINES));
    last.map(str::to_owned).collect()
}
