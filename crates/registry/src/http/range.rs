//! Ranges: of a blob that is pulled (RFC 9110 §14), and of a chunk that is pushed (OCI distribution specification 1.1,
//! "Pushing a blob in chunks").

/// What of a blob is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it.
    Whole,
    /// So many bytes from here.
    Part {
        /// The first byte.
        start: u64,
        /// How many.
        length: u64,
    },
    /// Something that it does not have.
    Nothing,
}

impl Wanted {
    /// Reads a `Range` header for something of `size` bytes. What cannot be understood, and what asks for several
    /// pieces, asks for the whole: a server may always answer so.
    pub(super) fn of(header: Option<&str>, size: u64) -> Self {
        let spec = header.and_then(|text| text.strip_prefix("bytes="));
        let Some((first, last)) = spec.and_then(|spec| spec.trim().split_once('-')) else {
            return Self::Whole;
        };
        match (number(first), number(last)) {
            (Some(start), Some(last)) if start <= last => Self::between(start, last, size),
            (Some(start), None) if last.is_empty() => Self::between(start, u64::MAX, size),
            (None, Some(0)) if first.is_empty() => Self::Nothing,
            (None, Some(length)) if first.is_empty() => {
                Self::between(size.saturating_sub(length), u64::MAX, size)
            }
            _ => Self::Whole,
        }
    }

    fn between(start: u64, last: u64, size: u64) -> Self {
        if start >= size {
            return Self::Nothing;
        }
        Self::Part {
            start,
            length: last.min(size - 1) - start + 1,
        }
    }
}

/// Reads a chunk's `Content-Range`: its first and last byte. Some clients write HTTP's `bytes ` before it, and the
/// whole size behind.
pub(super) fn chunk(text: &str) -> Option<(u64, u64)> {
    let text = text.strip_prefix("bytes ").unwrap_or(text);
    let text = text.split_once('/').map_or(text, |(range, _)| range);
    let (first, last) = text.split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some((first, last))
}

fn number(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_what_is_there() {
        let part = |start, length| Wanted::Part { start, length };
        for (header, wanted) in [
            (None, Wanted::Whole),
            (Some("bytes=0-3"), part(0, 4)),
            (Some("bytes=4-"), part(4, 6)),
            (Some("bytes=4-100"), part(4, 6)),
            (Some("bytes=9-9"), part(9, 1)),
            (Some("bytes=-3"), part(7, 3)),
            (Some("bytes=-100"), part(0, 10)),
            (Some("bytes=10-"), Wanted::Nothing),
            (Some("bytes=-0"), Wanted::Nothing),
            (Some("bytes=5-4"), Wanted::Whole),
            (Some("bytes=0-1,3-4"), Wanted::Whole),
            (Some("bytes=+1-2"), Wanted::Whole),
            (Some("bytes=99999999999999999999-"), Wanted::Whole),
            (Some("items=0-1"), Wanted::Whole),
        ] {
            assert_eq!(Wanted::of(header, 10), wanted, "{header:?}");
        }
        assert_eq!(Wanted::of(Some("bytes=0-"), 0), Wanted::Nothing);
    }

    #[test]
    fn chunks_say_their_first_and_last_byte() {
        assert_eq!(chunk("0-99"), Some((0, 99)));
        assert_eq!(chunk("bytes 5-5/10"), Some((5, 5)));
        for text in ["", "-", "5-4", "a-b", "1", "-1-2"] {
            assert_eq!(chunk(text), None, "{text}");
        }
    }
}
