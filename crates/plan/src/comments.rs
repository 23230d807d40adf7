//! Text of languages with C's comments, without those: what they mention is not what the code does.
//!
//! Literals are passed over, for they may hold what looks like a comment. Go and JavaScript differ in one thing only,
//! so that they share this; a tokenizer of each would be much more code for the same answer.

/// What a backslash is in a literal between backticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backticks {
    /// A letter (Go language specification, "String literals").
    Raw,
    /// It escapes the letter after it (ECMAScript, 12.9.6).
    Escaped,
}

/// Answers code without its `//` and `/* */` comments (Go language specification, "Comments"; ECMAScript, 12.4).
pub(crate) fn without(text: &str, backticks: Backticks) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if rest.starts_with("/*") {
            rest = rest.find("*/").map_or("", |end| &rest[end + 2..]);
        } else if matches!(letter, '\'' | '"' | '`') {
            let end = end_of_literal(rest, letter, backticks);
            code.push_str(&rest[..end]);
            rest = &rest[end..];
        } else {
            code.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    code
}

fn end_of_literal(text: &str, quote: char, backticks: Backticks) -> usize {
    let raw = quote == '`' && backticks == Backticks::Raw;
    let mut escaped = false;
    for (index, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' if !raw => escaped = true,
            '\n' if quote != '`' => return index,
            letter if letter == quote => return index + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backslash_before_a_backtick_ends_a_literal_in_go_only() {
        let text = r"a `\` // b";
        assert_eq!(without(text, Backticks::Raw), r"a `\` ");
        assert_eq!(without(text, Backticks::Escaped), text);
    }
}
