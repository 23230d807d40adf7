//! Progress redrawn in place, on a terminal.
//!
//! A thread of its own draws: the build's threads only leave their events and go on. It draws when a step begins or
//! ends, and ten times a second while one runs, so that the times move and a step that prints a lot costs no more.

use std::fmt::Write;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use coracle_plan::progress::{Event, Observer};

use super::board::Board;
use super::frame;
use crate::printer::{Paint, Printer};

/// How often the times move.
const REDRAW: Duration = Duration::from_millis(100);
/// The width when the terminal does not tell.
const USUAL_WIDTH: u16 = 80;

/// Redraws what runs.
pub(super) struct Live {
    shared: Arc<Shared>,
    drawer: Mutex<Option<JoinHandle<()>>>,
    paint: Paint,
}

#[derive(Default)]
struct Shared {
    screen: Mutex<Screen>,
    changed: Condvar,
}

#[derive(Default)]
struct Screen {
    board: Board,
    /// Lines that are drawn once, above what runs.
    above: Vec<String>,
    is_over: bool,
}

impl Live {
    /// Starts drawing.
    pub(super) fn start(printer: Printer) -> Self {
        let shared = Arc::new(Shared::default());
        let drawer = std::thread::Builder::new().name("progress".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || draw(&shared, printer)
        });
        Self {
            shared,
            drawer: Mutex::new(drawer.ok()),
            paint: printer.paint(),
        }
    }

    /// Draws for the last time: only what stays.
    pub(super) fn finish(&self) {
        self.shared.lock().is_over = true;
        self.shared.changed.notify_one();
        let drawer = self.drawer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(drawer) = drawer {
            let _ = drawer.join();
        }
    }
}

impl Observer for Live {
    fn event(&self, event: Event<'_>) {
        let mut screen = self.shared.lock();
        let about = screen.board.apply(event, Instant::now());
        let line = match event {
            Event::Warning { text } => Some(format!("{} {text}", self.paint.warning("warning:"))),
            Event::Finished { .. } | Event::Failed { .. } => about.map(|seen| frame::ended(seen, self.paint)),
            Event::Line { .. } | Event::Transferred { .. } => return,
            Event::Planned { .. } | Event::Started { .. } | Event::Built { .. } => None,
        };
        screen.above.extend(line);
        drop(screen);
        self.shared.changed.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is something to draw: a change, or the next turn while a step runs.
    fn wait<'a>(&self, screen: MutexGuard<'a, Screen>) -> MutexGuard<'a, Screen> {
        if screen.is_over || !screen.above.is_empty() {
            return screen;
        }
        if screen.board.running().next().is_none() {
            return self.changed.wait(screen).unwrap_or_else(PoisonError::into_inner);
        }
        let waited = self.changed.wait_timeout(screen, REDRAW);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

fn draw(shared: &Shared, printer: Printer) {
    let mut drawn = 0;
    loop {
        let mut screen = shared.wait(shared.lock());
        let is_over = screen.is_over;
        let above = mem::take(&mut screen.above);
        let running = if is_over {
            Vec::new()
        } else {
            frame::running(&screen.board, Instant::now(), width(), printer.paint())
        };
        drop(screen);
        printer.draw(&redraw(drawn, &above, &running));
        drawn = running.len();
        if is_over {
            return;
        }
    }
}

fn width() -> usize {
    let (terminal_size::Width(width), _) = terminal_size::terminal_size_of(std::io::stderr())
        .unwrap_or((terminal_size::Width(USUAL_WIDTH), terminal_size::Height(0)));
    width.into()
}

/// Answers what clears the `drawn` lines above the cursor and puts the new ones there (ECMA-48 §8.3: CUU, ED).
fn redraw(drawn: usize, above: &[String], running: &[String]) -> String {
    let mut text = String::new();
    if drawn > 0 {
        let _ = write!(text, "\x1b[{drawn}A\x1b[J");
    }
    for line in above.iter().chain(running) {
        let _ = writeln!(text, "{line}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_replaces_the_one_before_it() {
        let (done, runs) = (["✓ base".to_owned()], ["⣾ install".to_owned()]);
        assert_eq!(redraw(0, &[], &runs), "⣾ install\n");
        assert_eq!(redraw(2, &done, &runs), "\x1b[2A\x1b[J✓ base\n⣾ install\n");
        assert_eq!(redraw(1, &[], &[]), "\x1b[1A\x1b[J");
    }
}
