//! What a build tells, as lines of text with their time before them: `2026-01-31T12:00:00Z [stage 1/4] RUN make`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use coracle_platform::{BuildEvent, Observer};
use coracle_spec::Counted;
use jiff::Timestamp;
use tokio::sync::mpsc;

/// How many lines may wait for the client; more are left out, and how many is told.
const LONGEST_QUEUE: usize = 8192;
/// The most bytes of a line. In JSON a byte takes six at most, and clients read no line of 64 KiB or more.
pub(super) const LONGEST_LINE: usize = 8 << 10;

/// Turns a build's events into lines.
pub(super) struct Teller {
    lines: mpsc::Sender<String>,
    left_out: AtomicU64,
    /// What steps are called, by their ids.
    names: Mutex<BTreeMap<String, String>>,
}

/// Makes a teller, and where its lines come out.
pub(super) fn channel() -> (Arc<Teller>, mpsc::Receiver<String>) {
    let (lines, queue) = mpsc::channel(LONGEST_QUEUE);
    let teller = Teller {
        lines,
        left_out: AtomicU64::new(0),
        names: Mutex::default(),
    };
    (Arc::new(teller), queue)
}

impl Observer for Teller {
    fn event(&self, event: BuildEvent<'_>) {
        if let Some(text) = self.text(event) {
            let now = now();
            // A program's line may hold several: a carriage return begins one anew.
            for line in text.split(['\n', '\r']).filter(|line| !line.is_empty()) {
                pieces(line).for_each(|piece| self.send(format!("{now} {piece}")));
            }
        }
    }
}

impl Teller {
    fn text(&self, event: BuildEvent<'_>) -> Option<String> {
        match event {
            BuildEvent::Planned { steps } => Some(Counted(steps, "step").to_string()),
            BuildEvent::Warning { text } => Some(format!("warning: {text}")),
            BuildEvent::Started { step, name } => {
                self.names().insert(step.to_string(), name.to_owned());
                Some(name.to_owned())
            }
            BuildEvent::Line { text, .. } => Some(text.to_owned()),
            // Only what is whole is told: lines cannot be taken back.
            BuildEvent::Transferred {
                what, done, total, ..
            } => (done == total && total > 0).then(|| format!("{what}: {total} bytes")),
            BuildEvent::Finished {
                step,
                cached,
                duration,
            } => Some(self.end(
                &step.to_string(),
                if cached { "CACHED" } else { "done" },
                duration,
            )),
            BuildEvent::Failed { step, duration } => Some(self.end(&step.to_string(), "failed", duration)),
            BuildEvent::Built { digest } => Some(format!("built {digest}")),
        }
    }

    fn end(&self, step: &str, how: &str, duration: Duration) -> String {
        let name = self.names().remove(step);
        format!(
            "{} {how} {:.2}s",
            name.as_deref().unwrap_or(step),
            duration.as_secs_f64()
        )
    }

    fn names(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a line, and before it how many could not be.
    fn send(&self, line: String) {
        let left_out = self.left_out.swap(0, Ordering::Relaxed);
        let told = left_out == 0
            || self
                .lines
                .try_send(format!("… {left_out} lines are left out"))
                .is_ok();
        if !told {
            self.left_out.fetch_add(left_out, Ordering::Relaxed);
        }
        if !told || self.lines.try_send(line).is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Answers the time as RFC 3339 writes it, to the second.
pub(super) fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Splits a line that is too long, between characters.
pub(super) fn pieces(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(LONGEST_LINE));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use coracle_spec::Digest;

    use super::*;

    fn told(events: &[BuildEvent<'_>]) -> Vec<String> {
        let (teller, mut lines) = channel();
        for event in events {
            teller.event(*event);
        }
        let mut told = Vec::new();
        while let Ok(line) = lines.try_recv() {
            let (time, text) = line.split_once(' ').unwrap();
            assert!(time.parse::<Timestamp>().is_ok(), "{line}");
            told.push(text.to_owned());
        }
        told
    }

    #[test]
    fn a_build_is_told_in_lines_with_their_time() {
        let step = "1".into();
        let duration = Duration::from_millis(350);
        let name = "[ship 2/3] RUN npm test";
        assert_eq!(
            told(&[
                BuildEvent::Planned { steps: 3 },
                BuildEvent::Started { step: &step, name },
                BuildEvent::Line {
                    step: &step,
                    text: "ok 1\rok 2"
                },
                BuildEvent::Finished {
                    step: &step,
                    cached: false,
                    duration
                },
                BuildEvent::Built {
                    digest: &Digest::of("")
                },
            ]),
            [
                "3 steps",
                name,
                "ok 1",
                "ok 2",
                "[ship 2/3] RUN npm test done 0.35s",
                "built sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ]
        );
    }

    #[test]
    fn a_long_line_becomes_several_between_characters() {
        let long = "ü".repeat(LONGEST_LINE);
        let pieces: Vec<&str> = pieces(&long).collect();
        assert!(pieces.iter().all(|piece| piece.len() <= LONGEST_LINE));
        assert_eq!(pieces.concat(), long);
    }

    #[test]
    fn what_a_slow_client_missed_is_counted() {
        let (teller, mut lines) = channel();
        for number in 0..LONGEST_QUEUE + 10 {
            teller.send(number.to_string());
        }
        for number in 0..LONGEST_QUEUE {
            assert_eq!(lines.try_recv().unwrap(), number.to_string());
        }
        teller.send("after".to_owned());
        assert_eq!(lines.try_recv().unwrap(), "… 10 lines are left out");
        assert_eq!(lines.try_recv().unwrap(), "after");
    }
}
