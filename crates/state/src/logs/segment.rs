//! The files of one function's log.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::line::Line;

/// The most that is read at once.
const CHUNK: u64 = 256 << 10;

/// A place in a log: everything before it is complete records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Position {
    /// The segment's number. Before the first one: 0.
    pub(super) segment: u64,
    /// Bytes into it.
    pub(super) offset: u64,
}

/// Answers the file of a segment.
pub(super) fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:020}.log"))
}

/// Answers the numbers of the segments there are, in order; none when there is no directory.
pub(super) fn numbers(directory: &Path) -> io::Result<Vec<u64>> {
    let entries = match fs_err::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut numbers = Vec::new();
    for entry in entries {
        numbers.extend(number(&entry?.file_name().to_string_lossy()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn number(name: &str) -> Option<u64> {
    name.strip_suffix(".log")?.parse().ok()
}

/// Answers where a log ends: after its last complete record.
pub(super) fn end(directory: &Path) -> io::Result<Position> {
    let Some(last) = numbers(directory)?.last().copied() else {
        return Ok(Position::default());
    };
    let mut file = fs_err::File::open(path(directory, last))?;
    let mut end = file.metadata()?.len();
    while end > 0 {
        let start = end.saturating_sub(CHUNK);
        let bytes = read(&mut file, start, end)?;
        if let Some(index) = bytes.iter().rposition(|byte| *byte == b'\n') {
            return Ok(Position {
                segment: last,
                offset: start + index as u64 + 1,
            });
        }
        end = start;
    }
    Ok(Position {
        segment: last,
        offset: 0,
    })
}

/// Answers a chunk of the lines from one position on, up to another, and the position after them.
pub(super) fn lines_between(
    directory: &Path,
    from: Position,
    to: Position,
) -> io::Result<(Vec<Line>, Position)> {
    let mut file = match fs_err::File::open(path(directory, from.segment)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok((Vec::new(), next_segment(directory, from, to)?));
        }
        file => file?,
    };
    let length = if from.segment == to.segment {
        to.offset
    } else {
        file.metadata()?.len()
    };
    let end = length.min(from.offset + CHUNK);
    let bytes = read(&mut file, from.offset.min(end), end)?;
    let complete = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |index| index + 1);
    let lines = decode(&bytes[..complete]);
    let after = match complete {
        // What is left of a segment without an end of line is torn.
        0 if end == length => next_segment(directory, from, to)?,
        0 => Position { offset: end, ..from },
        complete => Position {
            offset: from.offset + complete as u64,
            ..from
        },
    };
    Ok((lines, after))
}

/// Answers the beginning of the first segment after `from`, at most `to`.
fn next_segment(directory: &Path, from: Position, to: Position) -> io::Result<Position> {
    let next = numbers(directory)?
        .into_iter()
        .find(|number| *number > from.segment);
    Ok(next.map_or(to, |segment| Position { segment, offset: 0 }.min(to)))
}

/// Answers the last lines before `end`, oldest first.
pub(super) fn last_lines(directory: &Path, end: Position, most: usize) -> io::Result<Vec<Line>> {
    let mut pieces: Vec<Vec<Line>> = Vec::new();
    let mut count = 0;
    for number in numbers(directory)?
        .into_iter()
        .rev()
        .filter(|number| *number <= end.segment)
    {
        if count >= most {
            break;
        }
        let length = (number == end.segment).then_some(end.offset);
        let lines = whole(&path(directory, number), length)?;
        count += lines.len();
        pieces.push(lines);
    }
    let lines = pieces.into_iter().rev().flatten();
    Ok(lines.skip(count.saturating_sub(most)).collect())
}

fn whole(path: &Path, length: Option<u64>) -> io::Result<Vec<Line>> {
    let mut file = match fs_err::File::open(path) {
        // Too old, and gone since the directory was read.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file?,
    };
    let length = length.map_or_else(|| file.metadata().map(|data| data.len()), Ok)?;
    let bytes = read(&mut file, 0, length)?;
    let complete = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |index| index + 1);
    Ok(decode(&bytes[..complete]))
}

fn decode(records: &[u8]) -> Vec<Line> {
    let records = records.split_inclusive(|byte| *byte == b'\n');
    records
        .filter_map(|record| Line::decode(record.strip_suffix(b"\n")?))
        .collect()
}

fn read(file: &mut fs_err::File, start: u64, end: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.take(end.saturating_sub(start)).read_to_end(&mut bytes)?;
    Ok(bytes)
}
