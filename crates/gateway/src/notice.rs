//! A sentence that each answer carries for as long as it holds: that the newest version of a function does not work,
//! while an older one answers.

use arc_swap::ArcSwapOption;
use http::header::{HeaderMap, HeaderName, HeaderValue};

/// Says in each answer what is wrong with the version that should answer, and does not.
pub static DEV_ERROR: HeaderName = HeaderName::from_static("x-coracle-dev-error");

/// The longest text that is said; a header is no place for more.
const LONGEST: usize = 500;

/// What each answer says beside itself, if anything.
#[derive(Debug, Default)]
pub struct Notice(ArcSwapOption<HeaderValue>);

impl Notice {
    /// Says the first line of `text` in each answer from now on. What is not ASCII becomes `?`, since few clients can
    /// read it in a header (RFC 9110 §5.5).
    pub fn say(&self, text: &str) {
        let line = text.lines().next().unwrap_or_default();
        let plain = |character: char| match character {
            ' '..='~' => character,
            '\t' => ' ',
            _ => '?',
        };
        let line: String = line.chars().take(LONGEST).map(plain).collect();
        let value = HeaderValue::try_from(line).unwrap_or(HeaderValue::from_static(""));
        self.0.store(Some(value.into()));
    }

    /// Says nothing from now on.
    pub fn clear(&self) {
        self.0.store(None);
    }

    /// Puts into an answer what is said; a function cannot say it.
    pub(crate) fn dress(&self, headers: &mut HeaderMap) {
        match &*self.0.load() {
            Some(value) => drop(headers.insert(&DEV_ERROR, HeaderValue::clone(value))),
            None => drop(headers.remove(&DEV_ERROR)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(notice: &Notice) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(&DEV_ERROR, HeaderValue::from_static("the function's own"));
        notice.dress(&mut headers);
        Some(headers.get(&DEV_ERROR)?.to_str().unwrap().to_owned())
    }

    #[test]
    fn an_answer_has_the_first_line_as_a_header_can_hold_it_and_nothing_of_the_functions_own() {
        let notice = Notice::default();
        assert_eq!(said(&notice), None);
        notice.say("cannot open\t`bo\u{e4}t\u{7}`\nhint: swim");
        assert_eq!(said(&notice).as_deref(), Some("cannot open `bo?t?`"));
        notice.say(&"x".repeat(1000));
        assert_eq!(said(&notice).map(|text| text.len()), Some(LONGEST));
        notice.say("");
        assert_eq!(said(&notice).as_deref(), Some(""));
        notice.clear();
        assert_eq!(said(&notice), None);
    }
}
