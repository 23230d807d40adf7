//! The `start` script of a `package.json`, as words that need no shell.

use std::collections::BTreeMap;

use super::detect;

/// Where packages put their programs.
const LAUNCHERS: &str = "/app/node_modules/.bin/";

/// Has Node name lines of the source in stack traces.
pub(super) const SOURCE_MAPS: &str = "--enable-source-maps";

/// Node's options that are followed by code instead of a file.
const IS_CODE: [&str; 4] = ["-e", "--eval", "-p", "--print"];

/// Node's options whose value may be a word of its own.
const TAKES_A_WORD: [&str; 7] = [
    "-r",
    "--require",
    "--import",
    "--loader",
    "--experimental-loader",
    "-C",
    "--conditions",
];

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

impl Start {
    /// Answers the position of the word that names what Node runs: the first that is no option.
    pub(super) fn program(&self) -> Option<usize> {
        let mut words = self.words.iter().enumerate().skip(1);
        while let Some((index, word)) = words.next() {
            if IS_CODE.contains(&word.as_str()) {
                return None;
            }
            if TAKES_A_WORD.contains(&word.as_str()) {
                words.next();
            } else if !word.starts_with('-') {
                return Some(index);
            }
        }
        None
    }

    /// Answers the position of the TypeScript file that it runs, by itself or through a launcher.
    pub(super) fn typescript(&self) -> Option<usize> {
        self.words.iter().position(|word| detect::is_typescript(word))
    }

    /// Answers the launcher of a dependency that it runs: `next` for `next start`.
    pub(super) fn launcher(&self) -> Option<&str> {
        self.words.get(1)?.strip_prefix(LAUNCHERS)
    }

    /// Answers the same with `file` run instead of the word at `index`, and without what stood before it: launchers
    /// and loaders of TypeScript. What is said about memory stays.
    pub(super) fn running(&self, index: usize, file: &str) -> Self {
        let before = self.words[..index]
            .iter()
            .filter(|word| word.starts_with("--max-"));
        let after = self.words[index + 1..].iter();
        let node = ["node".to_owned()].into_iter();
        Self {
            words: node
                .chain(before.cloned())
                .chain([file.to_owned()])
                .chain(after.cloned())
                .collect(),
            env: self.env.clone(),
        }
    }

    /// Answers the same with Node reading source maps.
    pub(super) fn with_source_maps(mut self) -> Self {
        if self.words.first().is_some_and(|word| word == "node")
            && !self.words.iter().any(|word| word == SOURCE_MAPS)
        {
            self.words.insert(1, SOURCE_MAPS.to_owned());
        }
        self
    }
}

/// Answers a script without a build that it begins with: `npm run build && node dist/app.js`. Images are built once,
/// and started often.
pub(super) fn without_build(script: &str) -> Option<&str> {
    let (first, rest) = script.split_once("&&")?;
    let builds = [
        "npm run build",
        "pnpm build",
        "pnpm run build",
        "yarn build",
        "yarn run build",
    ];
    builds.contains(&first.trim()).then_some(rest)
}

fn launcher(name: String) -> [String; 2] {
    [
        "node".to_owned(),
        if name.contains('/') {
            name
        } else {
            format!("{LAUNCHERS}{name}")
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

    #[test]
    fn typescript_is_found_behind_launchers_and_loaders() {
        for (script, running) in [
            ("tsx src/a.ts --flag", Some("node OUT --flag")),
            (
                "node --max-old-space-size=64 --import tsx ./src/a.mts",
                Some("node --max-old-space-size=64 OUT"),
            ),
            ("ts-node -r tsconfig-paths/register src/a.ts", Some("node OUT")),
            ("node dist/a.js", None),
        ] {
            let start = parse(script).unwrap();
            let found = start
                .typescript()
                .map(|index| start.running(index, "OUT").words.join(" "));
            assert_eq!(found.as_deref(), running, "{script}");
        }
    }

    #[test]
    fn the_program_is_the_first_word_that_is_no_option() {
        for (script, program) in [
            ("node -r dotenv/config dist/a.js", Some("dist/a.js")),
            ("node --enable-source-maps .", Some(".")),
            ("node", None),
            ("node -e serve", None),
        ] {
            let start = parse(script).unwrap();
            assert_eq!(
                start.program().map(|index| start.words[index].as_str()),
                program,
                "{script}"
            );
        }
        assert_eq!(parse("next start").unwrap().launcher(), Some("next"));
        assert_eq!(without_build("npm run build && node ."), Some(" node ."));
        assert_eq!(without_build("node a && node b"), None);
    }
}
