//! What may follow a variable's name in braces: `${name:-word}` and its kin.

use super::ExpandError;
use super::pattern::{InvalidPattern, Reach, trim_end, trim_start};

/// What stands between a variable's name and its word: `-`, `:-`, `#`.
#[derive(Clone, Copy)]
pub(super) struct Modifier {
    pub(super) sign: Option<char>,
    pub(super) empty_is_unset: bool,
}

impl Modifier {
    /// Answers it as it is written.
    pub(super) fn text(self) -> String {
        let colon = self.empty_is_unset.then_some(':');
        colon.into_iter().chain(self.sign).collect()
    }

    /// Answers what becomes of a variable's value.
    pub(super) fn apply(self, name: &str, word: &str, value: Option<String>) -> Result<String, ExpandError> {
        let is_unset = value.is_none();
        let value = value.unwrap_or_default();
        let is_missing = is_unset || (self.empty_is_unset && value.is_empty());
        let patterned = |trim: fn(&str, &str, Reach) -> Result<String, InvalidPattern>, sign| match word
            .strip_prefix(sign)
        {
            Some(word) => trim(&value, word, Reach::Longest),
            None => trim(&value, word, Reach::Shortest),
        };
        match self.sign {
            Some('-') => Ok(if is_missing { word.to_owned() } else { value }),
            Some('+') => Ok(if is_missing {
                String::new()
            } else {
                word.to_owned()
            }),
            Some('#') => Ok(patterned(trim_start, '#')?),
            Some('%') => Ok(patterned(trim_end, '%')?),
            _ if is_missing => Err(required(name, word, is_unset)),
            _ => Ok(value),
        }
    }
}

fn required(name: &str, message: &str, is_unset: bool) -> ExpandError {
    let usual = if is_unset {
        "is not allowed to be unset"
    } else {
        "is not allowed to be empty"
    };
    ExpandError::Required {
        name: name.to_owned(),
        message: if message.is_empty() { usual } else { message }.to_owned(),
    }
}
