//! What a Python file defines at its top level, found without running or fully parsing it.
//!
//! The lexical structure is followed just far enough (Python language reference, 2. Lexical analysis): strings,
//! comments, brackets and continued lines are told apart from code, so that a line in a docstring is not taken
//! for a statement. A full parser lost: it is a large dependency, and refuses files that the interpreter itself
//! will report better.

/// A statement at the top level: its first logical line, without comments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement(String);

/// Answers the statements at the file's top level, with the lines of blocks left out.
pub(super) fn statements(text: &str) -> Vec<Statement> {
    let mut lines = Lines {
        rest: text,
        line: String::new(),
    };
    let mut statements = Vec::new();
    while let Some(line) = lines.next_logical() {
        if !line.is_empty() && !line.starts_with([' ', '\t']) {
            statements.push(Statement(line.trim_end().to_owned()));
        }
    }
    statements
}

impl Statement {
    /// Answers the statement as text.
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// Answers the decorator's name without arguments: `functions_framework.http`.
    pub(super) fn decorator(&self) -> Option<&str> {
        let expression = self.0.strip_prefix('@')?.trim();
        Some(expression.split('(').next().unwrap_or(expression).trim())
    }

    /// Answers the name of a function that the statement defines, and its parameters.
    pub(super) fn function(&self) -> Option<(&str, &str)> {
        let rest = self
            .0
            .strip_prefix("async ")
            .map_or(self.0.as_str(), str::trim_start);
        let (name, rest) = rest.strip_prefix("def ")?.split_once('(')?;
        let parameters = rest.split(')').next().unwrap_or(rest);
        is_name(name.trim()).then(|| (name.trim(), parameters.trim()))
    }

    /// Answers the name and the value of an assignment to one name, whose type may be annotated.
    pub(super) fn assignment(&self) -> Option<(&str, &str)> {
        let (target, value) = self.0.split_once('=')?;
        let name = target.split(':').next().unwrap_or(target).trim();
        (is_name(name) && !value.starts_with('=')).then(|| (name, value.trim()))
    }

    /// Answers what the value of an assignment calls: `flask.Flask`.
    pub(super) fn constructed(&self) -> Option<(&str, &str)> {
        let (name, value) = self.assignment()?;
        let (called, _) = value.split_once('(')?;
        called
            .chars()
            .all(|letter| is_name_letter(letter) || letter == '.')
            .then_some((name, called))
    }

    /// Answers whether the block beneath runs only when the file is what was started.
    pub(super) fn is_main_guard(&self) -> bool {
        self.0.starts_with("if ") && self.0.contains("__name__") && self.0.contains("__main__")
    }
}

/// Answers whether `text` is a name.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(is_name_letter)
        && !text.starts_with(|first: char| first.is_ascii_digit())
}

fn is_name_letter(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Splits a text into logical lines.
struct Lines<'a> {
    rest: &'a str,
    line: String,
}

impl Lines<'_> {
    fn next_logical(&mut self) -> Option<String> {
        if self.rest.is_empty() {
            return None;
        }
        self.line.clear();
        let mut depth = 0_usize;
        while let Some(letter) = self.take() {
            match letter {
                '#' => self.skip_comment(),
                '\'' | '"' => self.string(letter),
                '\\' if self.rest.starts_with('\n') => {
                    self.take();
                }
                '\n' if depth == 0 => break,
                '\n' => self.line.push(' '),
                other => {
                    depth = match other {
                        '(' | '[' | '{' => depth + 1,
                        ')' | ']' | '}' => depth.saturating_sub(1),
                        _ => depth,
                    };
                    self.line.push(other);
                }
            }
        }
        Some(std::mem::take(&mut self.line))
    }

    fn take(&mut self) -> Option<char> {
        let letter = self.rest.chars().next()?;
        self.rest = &self.rest[letter.len_utf8()..];
        Some(letter)
    }

    fn skip_comment(&mut self) {
        self.rest = &self.rest[self.rest.find('\n').unwrap_or(self.rest.len())..];
    }

    /// Takes a string after its opening quote. One of a single line is kept, one of several leaves only quotes.
    fn string(&mut self, quote: char) {
        self.line.push(quote);
        let triple = format!("{quote}{quote}");
        if self.rest.starts_with(&triple) {
            self.rest = &self.rest[2..];
            self.skip_string(&format!("{quote}{triple}"));
        } else {
            self.short_string(quote);
        }
        self.line.push(quote);
    }

    fn short_string(&mut self, quote: char) {
        while let Some(letter) = self.rest.chars().next() {
            if letter == '\n' {
                return;
            }
            self.take();
            if letter == quote {
                return;
            }
            self.line.push(letter);
            if letter == '\\' {
                self.take();
            }
        }
    }

    fn skip_string(&mut self, end: &str) {
        while !self.rest.is_empty() && !self.rest.starts_with(end) {
            if self.take() == Some('\\') {
                self.take();
            }
        }
        self.rest = self.rest.get(end.len()..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<String> {
        statements(source)
            .into_iter()
            .map(|statement| statement.0)
            .collect()
    }

    #[test]
    fn only_statements_of_the_top_level_are_found() {
        let source = "\"\"\"Docs\nflask = Flask(__name__)\n\"\"\"\nimport os  # comment\n\ndef f(a,\n      b):\n    x = 1\n\
                      app = Flask(\n    __name__,\n)\ntext = 'it\\'s # no comment'\nlong = 1 + \\\n    2\n";
        assert_eq!(
            texts(source),
            [
                "\"\"",
                "import os",
                "def f(a,       b):",
                "app = Flask(     __name__, )",
                "text = 'it\\s # no comment'",
                "long = 1 +     2",
            ]
        );
    }

    #[test]
    fn the_parts_of_statements_are_told_apart() {
        let one = |source: &str| statements(source).remove(0);
        assert_eq!(
            one("@functions_framework.typed(A)").decorator(),
            Some("functions_framework.typed")
        );
        assert_eq!(
            one("async def f(request) -> str:").function(),
            Some(("f", "request"))
        );
        assert_eq!(
            one("app: Flask = flask.Flask(__name__)").constructed(),
            Some(("app", "flask.Flask"))
        );
        assert_eq!(one("a == b(c)").constructed(), None);
        assert_eq!(one("a.b = c()").constructed(), None);
        assert_eq!(one("x = [f(1)]").constructed(), None);
        assert!(one("if __name__ == '__main__':").is_main_guard());
        assert!(!one("if True:").is_main_guard());
    }

    proptest::proptest! {
        #[test]
        fn scanning_ends_and_never_panics(source in "(?s)[ -~\n\t\"'#\\\\()é]{0,300}") {
            for statement in statements(&source) {
                let _ = (statement.decorator(), statement.function(), statement.constructed());
            }
        }
    }
}
