//! Shows what the function prints: the version that answers, and those that finish their last requests.
//!
//! What a version prints while it starts is shown once it answers. If it never does, that is part of the error instead.

use std::collections::{BTreeSet, VecDeque};

use coracle_platform::{Follower, Line, LogError};
use tokio::sync::watch;

use crate::printer::Printer;

/// How many lines of a version that starts are kept.
const MOST_KEPT: usize = 1000;
/// How many revisions are remembered; one that answered before those has long finished.
const MOST_ANSWERED: usize = 1000;

/// Shows what is printed, for ever.
pub(super) async fn show(
    log: &mut Follower,
    mut serving: watch::Receiver<u64>,
    printer: Printer,
) -> Result<(), LogError> {
    let mut kept = Kept::default();
    loop {
        tokio::select! {
            lines = log.next() => match lines? {
                Some(lines) => lines.into_iter().for_each(|line| kept.push(line)),
                None => std::future::pending().await,
            },
            Ok(()) = serving.changed() => {}
        }
        let answering = *serving.borrow_and_update();
        kept.take(answering)
            .into_iter()
            .for_each(|line| printer.say(line.text));
    }
}

/// Lines that are not shown yet.
#[derive(Default)]
struct Kept {
    lines: VecDeque<Line>,
    /// The revisions that answer or have done so.
    answered: BTreeSet<u64>,
}

impl Kept {
    fn push(&mut self, line: Line) {
        if self.lines.len() == MOST_KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// Takes the lines that can be shown while the revision `answering` answers, and drops those of revisions that never
    /// did.
    fn take(&mut self, answering: u64) -> VecDeque<Line> {
        if self.answered.insert(answering) && self.answered.len() > MOST_ANSWERED {
            self.answered.pop_first();
        }
        self.lines
            .retain(|line| line.revision > answering || self.answered.contains(&line.revision));
        let (shown, kept) = self.lines.drain(..).partition(|line| line.revision <= answering);
        self.lines = kept;
        shown
    }
}

#[cfg(test)]
mod tests {
    use coracle_platform::Stream;

    use super::*;

    fn push(kept: &mut Kept, lines: &[(u64, &str)]) {
        for (revision, text) in lines {
            kept.push(Line {
                at_ms: 0,
                revision: *revision,
                instance: "one".to_owned(),
                stream: Stream::Stdout,
                text: (*text).to_owned(),
                continued: false,
            });
        }
    }

    fn take(kept: &mut Kept, answering: u64) -> Vec<String> {
        kept.take(answering).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn what_a_version_prints_is_shown_once_it_answers_and_never_if_it_does_not() {
        let mut kept = Kept::default();
        push(&mut kept, &[(1, "starts")]);
        assert!(take(&mut kept, 0).is_empty());
        assert_eq!(take(&mut kept, 1), ["starts"]);
        push(&mut kept, &[(2, "fails"), (1, "answers"), (3, "starts too")]);
        assert_eq!(take(&mut kept, 1), ["answers"]);
        push(&mut kept, &[(2, "fails late"), (1, "drains")]);
        assert_eq!(take(&mut kept, 3), ["starts too", "drains"]);
    }
}
