//! Progress as lines, for log files and pipes.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use coracle_plan::progress::{Event, Observer};

use super::board::{Board, Seen, State};
use super::frame;
use crate::printer::Printer;

/// Prints each event as a line.
pub(super) struct Plain {
    printer: Printer,
    board: Mutex<Board>,
}

impl Plain {
    pub(super) fn new(printer: Printer) -> Self {
        Self {
            printer,
            board: Mutex::default(),
        }
    }
}

impl Observer for Plain {
    fn event(&self, event: Event<'_>) {
        let mut board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = line(&mut board, event) {
            self.printer.say(line);
        }
    }
}

/// Answers what an event reads like; transfers are too many to tell of.
fn line(board: &mut Board, event: Event<'_>) -> Option<String> {
    board.apply(event, Instant::now());
    let total = board.total();
    let about = |seen: &Seen, text: &str| format!("[{}/{total}] {text}", seen.number);
    match event {
        Event::Warning { text } => Some(format!("warning: {text}")),
        Event::Started { step, name } => Some(about(board.step(step)?, name)),
        Event::Line { step, text } => Some(about(board.step(step)?, &format!("| {}", frame::clean(text)))),
        Event::Finished { step, .. } | Event::Failed { step, .. } => {
            let seen = board.step(step)?;
            Some(about(seen, &ending(seen)))
        }
        Event::Planned { .. } | Event::Transferred { .. } | Event::Built { .. } => None,
    }
}

fn ending(seen: &Seen) -> String {
    match seen.state {
        State::Failed(took) => format!("failed after {}", frame::time(took)),
        State::Done(took) => format!("done in {}", frame::time(took)),
        State::Cached | State::Running => "cached".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use coracle_plan::StepId;

    use super::*;

    #[test]
    fn each_event_that_matters_is_a_line_that_names_its_step() {
        let (base, dependencies) = (StepId::new("base"), StepId::new("dependencies"));
        let duration = Duration::from_millis(4200);
        let mut board = Board::default();
        let lines: Vec<String> = [
            Event::Planned { steps: 3 },
            Event::Warning {
                text: "the lock file is old",
            },
            Event::Started {
                step: &base,
                name: "Debian base",
            },
            Event::Finished {
                step: &base,
                cached: true,
                duration,
            },
            Event::Started {
                step: &dependencies,
                name: "install dependencies",
            },
            Event::Transferred {
                step: &dependencies,
                what: "downloading",
                done: 1,
                total: 2,
            },
            Event::Line {
                step: &dependencies,
                text: "Collecting flask",
            },
            Event::Failed {
                step: &dependencies,
                duration,
            },
        ]
        .into_iter()
        .filter_map(|event| line(&mut board, event))
        .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        warning: the lock file is old
        [1/3] Debian base
        [1/3] cached
        [2/3] install dependencies
        [2/3] | Collecting flask
        [2/3] failed after 4.2 s
        ");
    }
}
