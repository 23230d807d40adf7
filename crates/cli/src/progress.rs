//! How a build looks while it runs.
//!
//! On a terminal, finished steps scroll by and the running ones are redrawn beneath them with the last lines they
//! printed. Everywhere else each event is a line, so that a log file stays readable. A crate for progress bars lost: it
//! draws bars well, but not a block of lines that moves up into the scrollback step by step.

mod board;
mod frame;
mod live;
mod plain;

use std::sync::Arc;

use coracle_plan::progress::{Observer, Silent};

use crate::printer::Printer;

pub(crate) use frame::time;

/// Shows a build until it is finished.
pub(crate) struct Progress {
    observer: Arc<dyn Observer>,
    live: Option<Arc<live::Live>>,
}

impl Progress {
    /// Starts to show a build, as far as the printer may say anything.
    pub(crate) fn start(printer: Printer) -> Self {
        if printer.is_live() {
            let live = Arc::new(live::Live::start(printer));
            return Self {
                observer: Arc::clone(&live) as Arc<dyn Observer>,
                live: Some(live),
            };
        }
        let observer: Arc<dyn Observer> = if printer.is_quiet() {
            Arc::new(Silent)
        } else {
            Arc::new(plain::Plain::new(printer))
        };
        Self { observer, live: None }
    }

    /// Answers who watches the build.
    pub(crate) fn observer(&self) -> Arc<dyn Observer> {
        Arc::clone(&self.observer)
    }

    /// Ends the show: what was redrawn is gone from the terminal, what ended stays.
    pub(crate) fn finish(self) {
        if let Some(live) = self.live {
            live.finish();
        }
    }
}
