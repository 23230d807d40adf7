//! How steps read: texts only, so that tests can look at them.

use std::fmt::Write;
use std::time::{Duration, Instant};

use super::board::{Board, Seen, State, Transfer};
use crate::printer::Paint;

const SPINNER: [char; 8] = ['⣾', '⣽', '⣻', '⢿', '⡿', '⣟', '⣯', '⣷'];
/// How long one picture of the spinner stays.
const TURN: Duration = Duration::from_millis(100);

/// Answers a time as people read it: `0.3 s`, `1 m 12 s`.
pub(crate) fn time(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 60.. => format!("{} m {} s", seconds / 60, seconds % 60),
        _ if duration < Duration::from_millis(100) => format!("{} ms", duration.as_millis()),
        _ => format!("{:.1} s", duration.as_secs_f64()),
    }
}

/// Answers the line of a step that has ended.
pub(super) fn ended(seen: &Seen, paint: Paint) -> String {
    let name = clean(&seen.name);
    match seen.state {
        State::Failed(took) => format!("{} {name}  {}", paint.bad("✗"), time(took)),
        State::Done(took) => format!("{} {name}  {}", paint.good("✓"), paint.faint(time(took))),
        State::Cached | State::Running => format!("{} {name}  {}", paint.good("✓"), paint.faint("cached")),
    }
}

/// Answers the lines of the steps that run, none longer than `width`.
pub(super) fn running(board: &Board, now: Instant, width: usize, paint: Paint) -> Vec<String> {
    let mut lines = Vec::new();
    for seen in board.running() {
        let elapsed = now.saturating_duration_since(seen.since);
        let head = format!("{} {}{}", clean(&seen.name), time(elapsed), moving(seen));
        let head = cut(&head, width.saturating_sub(2));
        lines.push(format!("{} {head}", paint.accent(spinner(elapsed))));
        for line in &seen.tail {
            lines.push(paint.faint(format!("    {}", cut(&clean(line), width.saturating_sub(4)))));
        }
    }
    lines
}

fn spinner(elapsed: Duration) -> char {
    let turns = elapsed.as_millis() / TURN.as_millis();
    SPINNER[usize::try_from(turns).unwrap_or(0) % SPINNER.len()]
}

fn moving(seen: &Seen) -> String {
    seen.transfer
        .as_ref()
        .map_or_else(String::new, |transfer| format!("  {}", bytes(transfer)))
}

/// Answers how far a transfer is: `downloading 3.1 of 16.5 MB`.
pub(super) fn bytes(transfer: &Transfer) -> String {
    let mut text = format!("{} {}", transfer.what, megabytes(transfer.done));
    if transfer.total > 0 {
        let _ = write!(text, " of {}", megabytes(transfer.total));
    }
    text + " MB"
}

fn megabytes(bytes: u64) -> String {
    let tenths = bytes.saturating_add(50_000) / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Answers a line without what would move the cursor: programs print colours, and progress bars over themselves.
pub(super) fn clean(line: &str) -> String {
    let last = line
        .trim_end_matches('\r')
        .rsplit('\r')
        .next()
        .unwrap_or_default();
    let mut text = String::with_capacity(last.len());
    let mut characters = last.chars();
    while let Some(character) = characters.next() {
        match character {
            '\x1b' => skip_sequence(&mut characters),
            '\t' => text.push(' '),
            character if character.is_control() => {}
            character => text.push(character),
        }
    }
    text
}

/// Skips the rest of an escape sequence (ECMA-48 §5.4): `[`, parameters, and a final byte from `@` to `~`.
fn skip_sequence(characters: &mut std::str::Chars<'_>) {
    if characters.next() == Some('[') {
        characters.find(|character| ('@'..='~').contains(character));
    }
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    kept + "…"
}

#[cfg(test)]
mod tests {
    use coracle_plan::StepId;
    use coracle_plan::progress::Event;

    use super::*;

    fn board(now: Instant) -> Board {
        let (base, dependencies) = (StepId::new("base"), StepId::new("dependencies"));
        let mut board = Board::default();
        for event in [
            Event::Planned { steps: 3 },
            Event::Started {
                step: &base,
                name: "Debian base",
            },
            Event::Transferred {
                step: &base,
                what: "downloading",
                done: 3_100_000,
                total: 16_500_000,
            },
            Event::Started {
                step: &dependencies,
                name: "install dependencies",
            },
            Event::Line {
                step: &dependencies,
                text: "\x1b[31mCollecting flask\x1b[0m",
            },
            Event::Line {
                step: &dependencies,
                text: "10%\r90%\rDownloading flask-3.1.0-py3-none-any.whl",
            },
        ] {
            board.apply(event, now);
        }
        board
    }

    #[test]
    fn running_steps_show_their_time_their_bytes_and_their_last_lines_within_the_width() {
        let since = Instant::now();
        let lines = running(
            &board(since),
            since + Duration::from_millis(1250),
            40,
            Paint::PLAIN,
        );
        insta::assert_snapshot!(lines.join("\n"), @r"
        ⡿ Debian base 1.2 s  downloading 3.1 of…
        ⡿ install dependencies 1.2 s
            Collecting flask
            Downloading flask-3.1.0-py3-none-an…
        ");
    }

    #[test]
    fn an_ended_step_is_one_line() {
        let now = Instant::now();
        let mut board = board(now);
        let id = StepId::new("base");
        let took = Duration::from_millis(1340);
        let finished = Event::Finished {
            step: &id,
            cached: false,
            duration: took,
        };
        let line = board.apply(finished, now).map(|seen| ended(seen, Paint::PLAIN));
        assert_eq!(line.as_deref(), Some("✓ Debian base  1.3 s"));
        let failed = Event::Failed {
            step: &id,
            duration: took,
        };
        let line = board.apply(failed, now).map(|seen| ended(seen, Paint::COLOURS));
        assert_eq!(line.as_deref(), Some("\x1b[1;31m✗\x1b[0m Debian base  1.3 s"));
        assert_eq!(board.running().count(), 1);
    }

    #[test]
    fn times_are_told_in_their_unit() {
        for (milliseconds, text) in [
            (3, "3 ms"),
            (340, "0.3 s"),
            (59_900, "59.9 s"),
            (72_000, "1 m 12 s"),
        ] {
            assert_eq!(time(Duration::from_millis(milliseconds)), text);
        }
    }

    #[test]
    fn what_would_move_the_cursor_is_left_out_of_a_line() {
        for (line, text) in [
            ("plain", "plain"),
            ("\x1b[1;32mgreen\x1b[0m\tdone", "green done"),
            ("\x1b[2K\x1b[1Aup", "up"),
            ("1%\r100%\r", "100%"),
            ("bell\x07", "bell"),
            ("\x1b", ""),
        ] {
            assert_eq!(clean(line), text, "{line:?}");
        }
    }
}
