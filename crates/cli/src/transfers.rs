//! How pulling and pushing look: on a terminal one line that is redrawn, elsewhere a line for each blob.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use coracle_distribution::{Outcome, Part, Progress, Transfer};
use coracle_spec::Digest;

use crate::printer::Printer;
use crate::size::human;

/// How often the line is redrawn.
const REDRAW: Duration = Duration::from_millis(100);

/// Shows transfers.
pub(crate) struct Transfers {
    printer: Printer,
    doing: &'static str,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How much of each blob is moved, and how large it is.
    blobs: BTreeMap<Digest, (u64, u64)>,
    drawn: Option<Instant>,
}

impl Transfers {
    /// Starts to show what is `doing`.
    pub(crate) fn start(printer: Printer, doing: &'static str) -> Self {
        Self {
            printer,
            doing,
            state: Mutex::default(),
        }
    }

    /// Takes the line from the terminal.
    pub(crate) fn finish(self) {
        self.printer.draw("\r\x1b[2K");
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        if state.drawn.is_none_or(|drawn| drawn.elapsed() > REDRAW) {
            state.drawn = Some(Instant::now());
            self.printer.draw(&format!("\r\x1b[2K{}", state.line(self.doing)));
        }
    }
}

impl State {
    fn line(&self, doing: &str) -> String {
        let moved = self.blobs.values().map(|(moved, _)| moved).sum();
        let size = self.blobs.values().map(|(_, size)| size).sum();
        format!("{doing} {} of {}", human(moved), human(size))
    }
}

impl Progress for Transfers {
    fn started(&self, transfer: &Transfer) {
        self.change(|state| {
            state.blobs.insert(transfer.digest, (0, transfer.size));
        });
    }

    fn advanced(&self, transfer: &Transfer, bytes: u64) {
        self.change(|state| {
            let (moved, size) = state.blobs.entry(transfer.digest).or_insert((0, transfer.size));
            *moved = moved.saturating_add(bytes).min(*size);
        });
    }

    fn ended(&self, transfer: &Transfer, outcome: Outcome) {
        self.change(|state| {
            state
                .blobs
                .insert(transfer.digest, (transfer.size, transfer.size));
        });
        if !self.printer.is_live() {
            self.printer.say(ending(transfer, outcome));
        }
    }
}

fn ending(transfer: &Transfer, outcome: Outcome) -> String {
    let part = match transfer.part {
        Part::Layer => "layer",
        Part::Config => "configuration",
    };
    let how = match outcome {
        Outcome::Moved => "done",
        Outcome::Present => "there already",
        Outcome::Mounted => "taken from another repository",
    };
    let (digest, size) = (transfer.digest.short(), human(transfer.size));
    format!("{part} {digest} ({size}): {how}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_told_with_how_it_came_there() {
        let digest = Digest::of("abc");
        let transfer = Transfer {
            digest,
            size: 12_345_678,
            part: Part::Layer,
        };
        assert_eq!(
            ending(&transfer, Outcome::Mounted),
            "layer ba7816bf8f01 (12.3 MB): taken from another repository"
        );
    }

    #[test]
    fn an_upload_that_begins_again_never_counts_more_than_there_is() {
        let mut state = State::default();
        state.blobs.insert(Digest::of("a"), (7_000, 10_000));
        state.blobs.insert(Digest::of("b"), (500, 500));
        assert_eq!(state.line("pushing"), "pushing 7.5 kB of 10.5 kB");
    }
}
