//! The signal that an image wants to be ended by (image-spec, config.md, `StopSignal`): `SIGNAME` or a number, and as
//! engines also take it, `NAME` and `RTMIN+N`.

use coracle_sandbox::SIGTERM;

use super::LaunchError;

/// Linux's signals on the processors that images run on here (signal(7)).
const NAMES: [(&str, i32); 34] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("IOT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("STKFLT", 16),
    ("CHLD", 17),
    ("CLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("POLL", 29),
    ("PWR", 30),
    ("SYS", 31),
];
/// The first and the last of the real-time signals, as the C library counts them: it keeps two for itself.
const REAL_TIME: std::ops::RangeInclusive<i32> = 34..=64;

/// Answers the number of a signal; nothing said is `SIGTERM`.
pub(super) fn number(text: &str) -> Result<i32, LaunchError> {
    if text.is_empty() {
        return Ok(SIGTERM);
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let named = NAMES.iter().find(|(known, _)| *known == name);
    let found = named
        .map(|(_, number)| *number)
        .or_else(|| real_time(name))
        .or_else(|| {
            let number = text.parse().ok()?;
            (1..=*REAL_TIME.end()).contains(&number).then_some(number)
        });
    found.ok_or_else(|| LaunchError::StopSignal(text.to_owned()))
}

fn real_time(name: &str) -> Option<i32> {
    let (from, rest) = match name.strip_prefix("RTMIN") {
        Some(rest) => (*REAL_TIME.start(), rest),
        None => (*REAL_TIME.end(), name.strip_prefix("RTMAX")?),
    };
    let offset: i32 = if rest.is_empty() { 0 } else { rest.parse().ok()? };
    let number = from.checked_add(offset)?;
    REAL_TIME.contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_names_with_and_without_their_prefix_or_numbers() {
        for (text, expected) in [
            ("", 15),
            ("SIGQUIT", 3),
            ("quit", 3),
            ("WINCH", 28),
            ("9", 9),
            ("SIGRTMIN+3", 37),
            ("RTMAX-1", 63),
            ("SIGRTMIN", 34),
        ] {
            assert_eq!(number(text), Ok(expected), "{text}");
        }
        for text in ["SIGNONE", "0", "65", "-1", "RTMIN-1", "RTMIN+99999999999", "SIG"] {
            assert!(number(text).is_err(), "{text}");
        }
    }
}
