//! Permission bits as `--chmod` writes them: octal, or symbolic (chmod(1)), with no umask in the way.

use super::error::PlaceError;

/// How permission bits change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ModeChange {
    /// They become these.
    To(u32),
    /// They change by each of these in turn.
    By(Vec<Clause>),
}

/// One change: `u+x`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Clause {
    /// The bits of those whom it is about.
    who: u32,
    operator: char,
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// Letters of `rwxXst`.
    Letters(String),
    /// The bits that the user, the group or others have.
    CopyOf(char),
}

const USER: u32 = 0o4700;
const GROUP: u32 = 0o2070;
const OTHERS: u32 = 0o0007;
const STICKY: u32 = 0o1000;

/// What octal permissions say of folders: BuildKit leaves out the rest.
const FOLDERS: u32 = 0o777;

impl ModeChange {
    /// Reads what `--chmod` says.
    pub(crate) fn parse(text: &str) -> Result<Self, PlaceError> {
        let invalid = || PlaceError::Mode(text.to_owned());
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            let mode = u32::from_str_radix(text, 8).map_err(|_| invalid())?;
            return if mode <= 0o7777 {
                Ok(Self::To(mode))
            } else {
                Err(invalid())
            };
        }
        let mut clauses = Vec::new();
        for part in text.split(',') {
            clauses.extend(clauses_of(part).ok_or_else(invalid)?);
        }
        Ok(Self::By(clauses))
    }

    /// Answers what `mode` becomes.
    pub(crate) fn apply(&self, mode: u32, is_folder: bool) -> u32 {
        match self {
            Self::To(mode) if is_folder => mode & FOLDERS,
            Self::To(mode) => *mode,
            Self::By(clauses) => clauses
                .iter()
                .fold(mode, |mode, clause| clause.apply(mode, is_folder)),
        }
    }

    /// Answers the bits of folders that are made on the way.
    pub(crate) fn of_parents(change: Option<&Self>) -> u32 {
        match change {
            Some(Self::To(mode)) => mode & FOLDERS,
            Some(Self::By(_)) | None => 0o755,
        }
    }
}

/// Reads `ugo+rw-x`: whom it is about, then changes.
fn clauses_of(part: &str) -> Option<Vec<Clause>> {
    let at = part.find(['+', '-', '='])?;
    let who = part[..at].chars().try_fold(0, |who, letter| match letter {
        'u' => Some(who | USER),
        'g' => Some(who | GROUP),
        'o' => Some(who | OTHERS),
        'a' => Some(who | USER | GROUP | OTHERS),
        _ => None,
    })?;
    let who = if who == 0 { USER | GROUP | OTHERS } else { who };
    let mut clauses = Vec::new();
    let mut rest = &part[at..];
    while let Some(operator) = rest.chars().next() {
        let end = rest[1..].find(['+', '-', '=']).map_or(rest.len(), |end| end + 1);
        let what = match &rest[1..end] {
            copy @ ("u" | "g" | "o") => What::CopyOf(copy.chars().next()?),
            letters if letters.chars().all(|letter| "rwxXst".contains(letter)) => {
                What::Letters(letters.to_owned())
            }
            _ => return None,
        };
        clauses.push(Clause { who, operator, what });
        rest = &rest[end..];
    }
    Some(clauses)
}

impl Clause {
    fn apply(&self, mode: u32, is_folder: bool) -> u32 {
        let bits = self.bits(mode, is_folder);
        match self.operator {
            '+' => mode | bits,
            '-' => mode & !bits,
            _ => mode & !self.who | bits,
        }
    }

    fn bits(&self, mode: u32, is_folder: bool) -> u32 {
        match &self.what {
            What::CopyOf(whose) => {
                let shift = match whose {
                    'u' => 6,
                    'g' => 3,
                    _ => 0,
                };
                ((mode >> shift & 0o7) * 0o111) & self.who
            }
            What::Letters(letters) => letters.chars().fold(0, |bits, letter| {
                bits | match letter {
                    'r' => 0o444 & self.who,
                    'w' => 0o222 & self.who,
                    'x' => 0o111 & self.who,
                    'X' if is_folder || mode & 0o111 != 0 => 0o111 & self.who,
                    's' => 0o6000 & self.who,
                    't' => STICKY,
                    _ => 0,
                }
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_change_as_chmod_changes_them() {
        for (text, mode, expected) in [
            ("755", 0o644, 0o755),
            ("04755", 0o644, 0o4755),
            ("u+x", 0o644, 0o744),
            ("+x", 0o644, 0o755),
            ("go-rw,u=rwx", 0o666, 0o700),
            ("a=rX", 0o644, 0o444),
            ("a=rX", 0o755, 0o555),
            ("g=u", 0o640, 0o660),
            ("u+s,+t", 0o755, 0o5755),
            ("o=", 0o777, 0o770),
        ] {
            let change = ModeChange::parse(text).unwrap();
            assert_eq!(change.apply(mode, false), expected, "{text}");
        }
        assert_eq!(ModeChange::parse("a+X").unwrap().apply(0o600, true), 0o711);
        for bad in ["", "x", "u+q", "99", "17777", "z=r"] {
            assert!(ModeChange::parse(bad).is_err(), "{bad}");
        }
    }
}
