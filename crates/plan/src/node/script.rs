//! The `start` script of a `package.json`, as words that need no shell.

use std::collections::BTreeMap;

use crate::draft::APP;

/// What starts a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) words: Vec<String>,
    pub(super) env: BTreeMap<String, String>,
}

/// Characters that mean something to a shell and cannot be had without one.
const SHELL: [char; 15] = [
    '&', '|', ';', '<', '>', '$', '`', '(', ')', '*', '?', '~', '\\', '\n', '#',
];

/// Answers what a script starts, or nothing when it needs a shell.
///
/// Images have no shell. A program that is not Node itself is taken for one that a dependency brings, whose
/// launchers are JavaScript.
pub(super) fn parse(script: &str) -> Option<Start> {
    let mut words = split(script)?;
    let assigned = words.iter().take_while(|word| is_assignment(word)).count();
    let env = words.drain(..assigned).filter_map(|word| {
        let (name, value) = word.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    });
    let env = env.collect();
    let program = words.first()?.clone();
    match program.as_str() {
        "npm" | "yarn" | "pnpm" => return None,
        "node" => {}
        "npx" => drop(words.splice(..=1, launcher(words.get(1)?.clone()))),
        _ => drop(words.splice(..1, launcher(program))),
    }
    Some(Start { words, env })
}

fn launcher(name: String) -> [String; 2] {
    [
        "node".to_owned(),
        if name.contains('/') {
            name
        } else {
            format!("{APP}/node_modules/.bin/{name}")
        },
    ]
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

fn split(script: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in script.trim().chars() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (Some('"'), '$' | '`' | '\\') => return None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, ' ' | '\t') => words.extend(word.take()),
            (None, letter) if SHELL.contains(&letter) => return None,
            (_, letter) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_become_words_unless_they_need_a_shell() {
        for (script, words) in [
            ("node server.js", Some("node server.js")),
            (
                "  node --max-old-space-size=64  'my server.js' ",
                Some("node --max-old-space-size=64 my server.js"),
            ),
            ("MODE=fast node .", Some("node .")),
            (
                "functions-framework --target=hi",
                Some("node /app/node_modules/.bin/functions-framework --target=hi"),
            ),
            ("npx tsx a.ts", Some("node /app/node_modules/.bin/tsx a.ts")),
            ("./bin/www", Some("node ./bin/www")),
            ("node a.js && node b.js", None),
            ("node $FILE", None),
            ("npm run serve", None),
            ("node 'a", None),
            ("", None),
        ] {
            assert_eq!(
                parse(script).map(|start| start.words.join(" ")).as_deref(),
                words,
                "{script}"
            );
        }
        assert_eq!(parse("MODE=fast node .").unwrap().env["MODE"], "fast");
    }
}
