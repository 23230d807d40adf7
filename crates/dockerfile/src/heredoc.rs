//! Here-documents: contents that stand below an instruction (Dockerfile reference, "Here-Documents").

use crate::word::{Quotes, Rules, expand};

/// A here-document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heredoc {
    /// The word that ends it, which `COPY` also takes as the file's name.
    pub name: String,
    /// Whether variables in it are expanded: no part of its name is quoted.
    pub expands: bool,
    /// Whether tabs at the start of lines are not part of it (`<<-`).
    pub strips_tabs: bool,
    /// The lines, as they are in the file.
    pub contents: String,
}

impl Heredoc {
    /// Answers the contents, without tabs at the start of lines if so asked.
    pub fn text(&self) -> String {
        if self.strips_tabs {
            let lines = self.contents.split_inclusive('\n');
            lines.map(|line| line.trim_start_matches('\t')).collect()
        } else {
            self.contents.clone()
        }
    }
}

/// Finds the here-documents that a line begins, still without contents.
pub(crate) fn of_line(line: &str) -> Vec<Heredoc> {
    let rules = Rules {
        keeps_escapes: true,
        ..rules(Quotes::Kept)
    };
    // A line with a quote too many may still be right for the shell that runs it.
    let words = expand(line, rules, &|_| None).map(|expanded| expanded.words);
    words
        .unwrap_or_default()
        .iter()
        .filter_map(|word| of_word(word))
        .collect()
}

/// Reads `<<name`, `3<<-"name"`: digits, the two signs, a dash, a word.
pub(crate) fn of_word(word: &str) -> Option<Heredoc> {
    let rest = word
        .trim_start_matches(|digit: char| digit.is_ascii_digit())
        .strip_prefix("<<")?;
    let (strips_tabs, rest) = rest.strip_prefix('-').map_or((false, rest), |rest| (true, rest));
    let rest = rest.trim_start();
    if rest.is_empty() || rest.contains('<') {
        return None;
    }
    let name = single_word(rest, Quotes::Removed)?;
    let raw = single_word(rest, Quotes::Kept)?;
    let quotes = |text: &str| text.matches(['\'', '"']).count();
    Some(Heredoc {
        expands: quotes(&name) == quotes(&raw),
        name,
        strips_tabs,
        contents: String::new(),
    })
}

fn single_word(text: &str, quotes: Quotes) -> Option<String> {
    let mut words = expand(text, rules(quotes), &|_| None).ok()?.words;
    if words.len() == 1 { words.pop() } else { None }
}

fn rules(quotes: Quotes) -> Rules {
    Rules {
        escape: '\\',
        quotes,
        keeps_escapes: false,
        keeps_unset: true,
    }
}
