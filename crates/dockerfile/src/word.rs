//! Words as Dockerfiles quote them and expand variables in them (Dockerfile reference, "Environment replacement").
//!
//! It looks like a shell and is not one: there is no command substitution, a variable's value is never expanded
//! again, and a modifier's word may itself hold variables. What is unusual here is so in BuildKit's front end too,
//! which is the measure: a backslash before any letter outside of quotes vanishes, and inside of double quotes only
//! before `"`, `$` and itself.

mod modifier;
mod pattern;
mod split;

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::str::Chars;

use self::modifier::Modifier;
use self::pattern::{InvalidPattern, replace};
use self::split::Words;

/// What becomes of quotes and escapes, and of variables without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// The character that takes away a following character's meaning.
    pub escape: char,
    /// What becomes of quotes.
    pub quotes: Quotes,
    /// Whether escapes stay in the result.
    pub keeps_escapes: bool,
    /// Whether a variable without a value stays in the result as it is written, instead of vanishing.
    pub keeps_unset: bool,
}

/// What becomes of quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quotes {
    /// They hold a word together and are not part of it.
    Removed,
    /// They hold a word together and stay in it.
    Kept,
    /// They are characters like any other.
    Ordinary,
}

impl Rules {
    /// The rules for the arguments of instructions.
    pub fn of_arguments(escape: char) -> Self {
        Self {
            escape,
            quotes: Quotes::Removed,
            keeps_escapes: false,
            keeps_unset: false,
        }
    }
}

/// A text with its variables replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expanded {
    /// The whole text.
    pub text: String,
    /// Its words: parts between spaces that are not quoted. A variable's value may be several words.
    pub words: Vec<String>,
    /// The variables that had a value.
    pub used: BTreeSet<String>,
    /// The variables that had none.
    pub unset: BTreeSet<String>,
}

/// Why a text cannot be expanded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpandError {
    /// A quote has no end.
    #[error("the {0} quote has no end")]
    Quote(&'static str),
    /// A `${` has no end.
    #[error("`${{` has no `}}`")]
    Brace,
    /// A pattern has no end.
    #[error("`${{…/` has no second `/`")]
    Slash,
    /// There is no name after `${`.
    #[error("`${{` is followed by no name")]
    Name,
    /// The modifier is none.
    #[error("`{0}` is no modifier of a variable")]
    Modifier(String),
    /// A variable must have a value and has none (`${name?message}`).
    #[error("{name}: {message}")]
    Required {
        /// The variable.
        name: String,
        /// What the author says about it.
        message: String,
    },
    /// The values of the variables are too long together.
    #[error("its variables are longer than {MOST} bytes together")]
    TooLong,
    /// A pattern is none.
    #[error(transparent)]
    Pattern(#[from] InvalidPattern),
}

/// The most bytes that the variables of one text have together. A variable of a command cannot be longer than 128 KiB
/// (execve(2)); without a bound, `A=$A$A` twenty times would fill the memory.
pub const MOST: usize = 1 << 20;

/// Replaces the variables of `text`; `value` answers the value of each, if it has one.
pub fn expand(
    text: &str,
    rules: Rules,
    value: &dyn Fn(&str) -> Option<String>,
) -> Result<Expanded, ExpandError> {
    let mut reader = Reader {
        input: text.chars().peekable(),
        rules,
        value,
        used: BTreeSet::new(),
        unset: BTreeSet::new(),
        left: MOST,
    };
    let (text, words) = reader.until(None, rules.keeps_escapes)?;
    Ok(Expanded {
        text,
        words,
        used: reader.used,
        unset: reader.unset,
    })
}

struct Reader<'a> {
    input: Peekable<Chars<'a>>,
    rules: Rules,
    value: &'a dyn Fn(&str) -> Option<String>,
    used: BTreeSet<String>,
    unset: BTreeSet<String>,
    /// How many bytes its variables may still have.
    left: usize,
}

impl Reader<'_> {
    /// Reads up to `end`, which is not part of the result, or to the end of the input when there is none.
    fn until(
        &mut self,
        end: Option<char>,
        keeps_escapes: bool,
    ) -> Result<(String, Vec<String>), ExpandError> {
        let outer = std::mem::replace(&mut self.rules.keeps_escapes, keeps_escapes);
        let result = self.part(end);
        self.rules.keeps_escapes = outer;
        result
    }

    fn part(&mut self, end: Option<char>) -> Result<(String, Vec<String>), ExpandError> {
        let (mut text, mut words) = (String::new(), Words::default());
        let has_quotes = self.rules.quotes != Quotes::Ordinary;
        while let Some(next) = self.input.peek().copied() {
            if end == Some(next) {
                self.input.next();
                return Ok((text, words.finish()));
            }
            match next {
                '$' => {
                    let value = self.variable()?;
                    text.push_str(&value);
                    value.chars().for_each(|part| words.split_at(part));
                }
                '\'' if has_quotes => words.join(&mut text, &self.single_quoted()?),
                '"' if has_quotes => words.join(&mut text, &self.double_quoted()?),
                '<' => words.join(&mut text, &self.less_than()),
                _ => self.character(&mut text, &mut words),
            }
        }
        match end {
            None => Ok((text, words.finish())),
            Some('/') => Err(ExpandError::Slash),
            Some(_) => Err(ExpandError::Brace),
        }
    }

    fn character(&mut self, text: &mut String, words: &mut Words) {
        let Some(mut character) = self.input.next() else {
            return;
        };
        if character == self.rules.escape {
            if self.rules.keeps_escapes {
                words.join(text, character.encode_utf8(&mut [0; 4]));
            }
            match self.input.next() {
                Some(escaped) => character = escaped,
                // An escape at the end escapes nothing.
                None => return,
            }
            words.add(character);
        } else {
            words.split_at(character);
        }
        text.push(character);
    }

    fn single_quoted(&mut self) -> Result<String, ExpandError> {
        let mut text = self.quote();
        loop {
            match self.input.peek() {
                None => return Err(ExpandError::Quote("single")),
                Some('\'') => return Ok(text + &self.quote()),
                Some(_) => text.extend(self.input.next()),
            }
        }
    }

    fn double_quoted(&mut self) -> Result<String, ExpandError> {
        let mut text = self.quote();
        loop {
            match self.input.peek().copied() {
                None => return Err(ExpandError::Quote("double")),
                Some('"') => return Ok(text + &self.quote()),
                Some('$') => text.push_str(&self.variable()?),
                Some(escape) if escape == self.rules.escape => self.escape_in_quotes(&mut text),
                Some(_) => text.extend(self.input.next()),
            }
        }
    }

    fn escape_in_quotes(&mut self, text: &mut String) {
        let escape = self.rules.escape;
        self.input.next();
        if self.rules.keeps_escapes {
            text.push(escape);
        }
        match self.input.peek().copied() {
            None => {}
            Some(next) if next == '"' || next == '$' || next == escape => text.extend(self.input.next()),
            Some(_) => text.push(escape),
        }
    }

    /// Reads a quote, and answers what of it is part of the result.
    fn quote(&mut self) -> String {
        let quote = self.input.next();
        let kept = quote.filter(|_| self.rules.quotes == Quotes::Kept);
        kept.into_iter().collect()
    }

    /// Reads `<`, and the whitespace after a second one, so that `<< END` is one word.
    fn less_than(&mut self) -> String {
        let mut text: String = self.input.next().into_iter().collect();
        if self.input.peek() == Some(&'<') {
            text.extend(self.input.next());
            while let Some(space) = self.input.next_if(|next| matches!(next, ' ' | '\t' | '\r')) {
                text.push(space);
            }
        }
        text
    }

    fn variable(&mut self) -> Result<String, ExpandError> {
        self.input.next();
        if self.input.peek() == Some(&'{') {
            self.input.next();
            return self.braced();
        }
        let name = self.name();
        if name.is_empty() {
            return Ok("$".to_owned());
        }
        Ok(match self.look_up(&name)? {
            None if self.rules.keeps_unset => format!("${name}"),
            value => value.unwrap_or_default(),
        })
    }

    /// Reads what follows `${`.
    fn braced(&mut self) -> Result<String, ExpandError> {
        match self.input.peek() {
            None => return Err(ExpandError::Brace),
            Some('{' | '}' | ':') => return Err(ExpandError::Name),
            Some(_) => {}
        }
        let name = self.name();
        match self.input.next() {
            Some('}') => Ok(match self.look_up(&name)? {
                None if self.rules.keeps_unset => format!("${{{name}}}"),
                value => value.unwrap_or_default(),
            }),
            None => Err(ExpandError::Brace),
            Some('/') => self.replaced(&name),
            Some(':') => {
                let modifier = self.input.next();
                self.modified(
                    &name,
                    Modifier {
                        sign: modifier,
                        empty_is_unset: true,
                    },
                )
            }
            modifier => self.modified(
                &name,
                Modifier {
                    sign: modifier,
                    empty_is_unset: false,
                },
            ),
        }
    }

    fn modified(&mut self, name: &str, modifier: Modifier) -> Result<String, ExpandError> {
        let is_pattern = matches!(modifier.sign, Some('#' | '%'));
        if !matches!(modifier.sign, Some('-' | '+' | '?' | '#' | '%'))
            || (is_pattern && modifier.empty_is_unset)
        {
            return Err(ExpandError::Modifier(modifier.text()));
        }
        let (word, _) = self.until(Some('}'), is_pattern)?;
        let value = self.look_up(name)?;
        if value.is_none() && self.rules.keeps_unset {
            return Ok(format!("${{{name}{}{word}}}", modifier.text()));
        }
        modifier.apply(name, &word, value)
    }

    /// Reads the pattern and the replacement of `${name/pattern/replacement}`; a second slash replaces all.
    fn replaced(&mut self, name: &str) -> Result<String, ExpandError> {
        let is_everywhere = self.input.next_if_eq(&'/').is_some();
        let (pattern, _) = self.until(Some('/'), true)?;
        let (replacement, _) = self.until(Some('}'), true)?;
        match self.look_up(name)? {
            None if self.rules.keeps_unset => Ok(format!("${{{name}/{pattern}/{replacement}}}")),
            value => Ok(replace(
                &value.unwrap_or_default(),
                &pattern,
                &replacement,
                is_everywhere,
            )?),
        }
    }

    /// Reads a name: letters, digits and `_`; or digits alone; or one of the shell's special parameters.
    fn name(&mut self) -> String {
        let mut name = String::new();
        match self.input.peek().copied() {
            Some(first) if first.is_numeric() => {
                while let Some(digit) = self.input.next_if(|next| next.is_numeric()) {
                    name.push(digit);
                }
            }
            Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => name.extend(self.input.next()),
            _ => {
                while let Some(part) = self.input.next_if(|next| next.is_alphanumeric() || *next == '_') {
                    name.push(part);
                }
            }
        }
        name
    }

    fn look_up(&mut self, name: &str) -> Result<Option<String>, ExpandError> {
        let value = (self.value)(name);
        let length = value.as_ref().map_or(0, String::len);
        self.left = self.left.checked_sub(length).ok_or(ExpandError::TooLong)?;
        let seen = if value.is_some() {
            &mut self.used
        } else {
            &mut self.unset
        };
        seen.insert(name.to_owned());
        Ok(value)
    }
}
