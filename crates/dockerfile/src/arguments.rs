//! The arguments of instructions, in the forms that they have: words, `name=value`, JSON.

use crate::error::Problem;

/// A name and its value, as they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The name; it may hold variables.
    pub name: String,
    /// The value; it may hold variables and quotes.
    pub value: String,
    /// Whether a space stands between them instead of `=`: the old form.
    pub is_spaced: bool,
}

/// Reads a JSON array of strings; nothing when it is no array, an error when it is one of something else.
pub(crate) fn json(text: &str) -> Result<Option<Vec<String>>, Problem> {
    let text = text.trim_start();
    if !text.starts_with('[') {
        return Ok(None);
    }
    // Broken JSON is a command for a shell, which may begin with a bracket.
    let Ok(values) = serde_json::from_str::<Vec<serde_json::Value>>(text) else {
        return Ok(None);
    };
    let strings = values.into_iter().map(|value| match value {
        serde_json::Value::String(text) => Ok(text),
        other => Err(Problem::new(format!(
            "`{other}` is no string, and the JSON form takes strings only"
        ))
        .with_hint("put it in double quotes")),
    });
    strings.collect::<Result<_, _>>().map(Some)
}

/// Splits at spaces; quotes mean nothing.
pub(crate) fn spaced(text: &str) -> Vec<String> {
    let words = text.split(['\t', '\u{b}', '\u{c}', '\r', ' ']);
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Splits at spaces that are not quoted. Quotes and escapes stay, since variables are expanded later.
pub(crate) fn words(text: &str, escape: char) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match quote {
            None if character.is_whitespace() => {
                words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
                continue;
            }
            None if matches!(character, '\'' | '"') => quote = Some(character),
            Some(open) if character == open => quote = None,
            _ => {}
        }
        if character == escape && quote != Some('\'') {
            // An escape at the end escapes nothing.
            let Some(escaped) = characters.next() else { break };
            word.push(character);
            word.push(escaped);
        } else {
            word.push(character);
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

/// Reads `name=value name=value …`, or the old form `name value` with a value up to the end of the line.
pub(crate) fn pairs(text: &str, instruction: &str, escape: char) -> Result<Vec<Pair>, Problem> {
    let words = words(text, escape);
    let Some(first) = words.first() else {
        return Err(Problem::new(format!(
            "{instruction} requires at least one argument"
        )));
    };
    if !first.contains('=') {
        return old_form(text, instruction).map(|pair| vec![pair]);
    }
    words.iter().map(|word| pair(word, instruction)).collect()
}

fn old_form(text: &str, instruction: &str) -> Result<Pair, Problem> {
    match text.split_once(['\t', '\u{b}', '\u{c}', '\r', ' ']) {
        Some((name, value)) => Ok(Pair {
            name: name.to_owned(),
            value: value
                .trim_start_matches(['\t', '\u{b}', '\u{c}', '\r', ' '])
                .to_owned(),
            is_spaced: true,
        }),
        None => Err(Problem::new(format!("{instruction} must have two arguments"))
            .with_hint(format!("write `{instruction} {text}=VALUE`"))),
    }
}

fn pair(word: &str, instruction: &str) -> Result<Pair, Problem> {
    match word.split_once('=') {
        Some(("", _)) => Err(Problem::new(format!("{instruction} names can not be blank"))),
        Some((name, value)) => Ok(Pair {
            name: name.to_owned(),
            value: value.to_owned(),
            is_spaced: false,
        }),
        None => Err(
            Problem::new(format!("`{word}` has no `=`: expected `name=value`"))
                .with_hint("put a value with spaces in quotes"),
        ),
    }
}
