//! The last lines that a step printed, for the error when it fails.

use std::collections::VecDeque;
use std::fmt;

/// The most lines that are kept.
const MOST_LINES: usize = 200;

/// The last lines that a step printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogTail {
    lines: VecDeque<String>,
    dropped: usize,
}

impl LogTail {
    /// Adds a line; drops the oldest when there are too many.
    pub fn push(&mut self, line: String) {
        if self.lines.len() == MOST_LINES {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back(line);
    }

    /// Answers the lines that are kept.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// Answers how many lines before them were dropped.
    pub fn dropped(&self) -> usize {
        self.dropped
    }
}

impl fmt::Display for LogTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dropped > 0 {
            writeln!(f, "… {} lines before", self.dropped)?;
        }
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_stay_and_the_number_of_the_others_is_told() {
        let mut tail = LogTail::default();
        (0..MOST_LINES + 3).for_each(|number| tail.push(number.to_string()));
        assert_eq!(tail.lines().next(), Some("3"));
        assert!(tail.to_string().starts_with("… 3 lines before\n3\n4\n"));
    }
}
