//! Reads what a program prints, line by line, for as long as it prints.
//!
//! A line that never ends is cut into pieces, so that it neither fills memory nor stops the pipe: a program whose pipe
//! nobody reads stands still at its next `print`.

use tokio::io::{AsyncRead, AsyncReadExt};

/// The most bytes that one line holds before it is cut.
pub const LONGEST_LINE: usize = 16 * 1024;

/// Reads `from` to its end and hands each line to `take`, without its end.
pub async fn each_line(mut from: impl AsyncRead + Unpin, mut take: impl FnMut(&[u8])) {
    let mut lines = Lines::default();
    let mut buffer = vec![0; LONGEST_LINE];
    loop {
        match from.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(count) => lines.add(&buffer[..count], &mut take),
        }
    }
    lines.finish(&mut take);
}

/// Cuts bytes into lines; for those who do more with the lines of one read than [`each_line`] does.
#[derive(Debug, Default)]
pub struct Lines {
    pending: Vec<u8>,
}

impl Lines {
    /// Adds bytes, and hands each line that they complete to `take`, without its end.
    pub fn add(&mut self, bytes: &[u8], take: &mut impl FnMut(&[u8])) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.add_piece(piece, take);
        }
    }

    /// Adds bytes whose only line end, if any, is their last.
    fn add_piece(&mut self, mut piece: &[u8], take: &mut impl FnMut(&[u8])) {
        let ends = piece.last() == Some(&b'\n');
        if ends {
            piece = &piece[..piece.len() - 1];
        }
        while self.pending.len() + piece.len() > LONGEST_LINE {
            let (head, rest) = piece.split_at(LONGEST_LINE - self.pending.len());
            self.pending.extend_from_slice(head);
            self.flush(take);
            piece = rest;
        }
        self.pending.extend_from_slice(piece);
        if ends {
            self.flush(take);
        }
    }

    fn flush(&mut self, take: &mut impl FnMut(&[u8])) {
        take(self.pending.strip_suffix(b"\r").unwrap_or(&self.pending));
        self.pending.clear();
    }

    /// Hands what no line end followed to `take`.
    pub fn finish(mut self, take: &mut impl FnMut(&[u8])) {
        if !self.pending.is_empty() {
            self.flush(take);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(chunks: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut lines = Lines::default();
        let mut taken = Vec::new();
        for chunk in chunks {
            lines.add(chunk, &mut |line: &[u8]| taken.push(line.to_vec()));
        }
        lines.finish(&mut |line: &[u8]| taken.push(line.to_vec()));
        taken
    }

    #[test]
    fn lines_arrive_whole_however_they_were_written() {
        assert_eq!(cut(&[b"a", b"b\nc\r\n\nd"]), [&b"ab"[..], b"c", b"", b"d"]);
        assert!(cut(&[]).is_empty());
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let taken = cut(&[&vec![b'x'; 2 * LONGEST_LINE + 1]]);
        assert_eq!(
            taken.iter().map(Vec::len).collect::<Vec<_>>(),
            [LONGEST_LINE, LONGEST_LINE, 1]
        );
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_is_longer_than_the_bound(
            chunks in prop::collection::vec(prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'x')], 0..400), 0..200)
        ) {
            let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
            let taken = cut(&chunks);
            let wrote = chunks.concat().split(|byte| *byte == b'x').count() - 1;
            prop_assert_eq!(taken.iter().map(Vec::len).sum::<usize>(), wrote);
            prop_assert!(taken.iter().all(|line| line.len() <= LONGEST_LINE));
        }
    }

    #[tokio::test]
    async fn a_reader_is_read_to_its_end() {
        let mut taken = Vec::new();
        each_line(&b"one\ntwo"[..], |line| taken.push(line.to_vec())).await;
        assert_eq!(taken, [b"one".to_vec(), b"two".to_vec()]);
    }
}
