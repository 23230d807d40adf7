//! What a JavaScript file registers, exports and does, found without running or parsing it.

use std::collections::BTreeSet;

use crate::comments::{self, Backticks};
use crate::event::Event;

/// The text of a file without its comments, which may mention anything.
pub(super) fn without_comments(text: &str) -> String {
    comments::without(text, Backticks::Escaped)
}

/// Answers the handlers that code registers with the Functions Framework: `functions.http('name', …)`.
pub(super) fn registered(code: &str) -> Vec<(String, Event)> {
    if !code.contains(super::FRAMEWORK) {
        return Vec::new();
    }
    let calls = [
        ("http(", Event::Http),
        ("cloudEvent(", Event::Cloud),
        ("typed(", Event::Typed),
    ];
    let mut found: Vec<(usize, String, Event)> = Vec::new();
    for (call, event) in calls {
        for (start, _) in code.match_indices(call) {
            let name = quoted(code[start + call.len()..].trim_start());
            if let (false, Some(name)) = (continues_a_name(&code[..start]), name) {
                found.push((start, name.to_owned(), event));
            }
        }
    }
    found.sort_by_key(|(start, ..)| *start);
    found.into_iter().map(|(_, name, event)| (name, event)).collect()
}

/// Answers the names that code exports, in the forms that name them.
pub(super) fn exported(code: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for line in code.lines().map(str::trim_start) {
        let assigned = line
            .strip_prefix("module.")
            .unwrap_or(line)
            .strip_prefix("exports.");
        let assigned = assigned.and_then(|rest| Some((leading_name(rest)?, rest)));
        let assigned = assigned.filter(|(name, rest)| rest[name.len()..].trim_start().starts_with('='));
        let declared = [
            "export async function ",
            "export function ",
            "export const ",
            "export let ",
        ]
        .iter()
        .find_map(|start| leading_name(line.strip_prefix(start)?));
        names.extend(
            assigned
                .map(|(name, _)| name)
                .or(declared)
                .filter(|name| !names.contains(name)),
        );
    }
    names
}

/// Answers whether code exports a function as its default.
pub(super) fn exports_default(code: &str) -> bool {
    let exported = code
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("export default "));
    exported.is_some_and(|rest| !rest.trim_start().starts_with(['{', '[', '\'', '"']))
}

/// Answers whether code waits outside of functions, which only ES modules may.
pub(super) fn awaits_at_top(code: &str) -> bool {
    let begins = |line: &str| line.starts_with("await ") || line.starts_with("for await ");
    let assigns = |line: &str| {
        let declares = ["const ", "let ", "var ", "export const "]
            .iter()
            .any(|start| line.starts_with(start));
        declares && line.contains("= await ")
    };
    code.lines().any(|line| begins(line) || assigns(line))
}

/// Answers the names of packages that code imports, sorted, each once.
pub(super) fn imports(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for before in ["from", "import", "require(", "import("] {
        for (start, _) in code.match_indices(before) {
            let rest = &code[start + before.len()..];
            if continues_a_name(&code[..start]) {
                continue;
            }
            found.extend(
                quoted(rest.trim_start())
                    .filter(|name| is_package(name))
                    .map(str::to_owned),
            );
        }
    }
    found
}

/// Answers whether an import leads to a package: not beside the file, nor to a part of Node.
fn is_package(name: &str) -> bool {
    let starts = name
        .chars()
        .next()
        .is_some_and(|first| first.is_ascii_alphanumeric() || first == '@');
    let letters = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"@/._-".contains(&byte));
    starts && letters && !name.starts_with("@/")
}

/// Answers whether code listens by itself.
pub(super) fn listens(code: &str) -> bool {
    [".listen(", "createServer(", "serve("]
        .iter()
        .any(|call| code.contains(call))
}

fn continues_a_name(before: &str) -> bool {
    before.chars().next_back().is_some_and(is_name_letter)
}

fn quoted(text: &str) -> Option<&str> {
    let quote = text
        .chars()
        .next()
        .filter(|letter| matches!(letter, '\'' | '"' | '`'))?;
    text[1..].split(quote).next()
}

fn leading_name(text: &str) -> Option<&str> {
    let end = text.find(|letter| !is_name_letter(letter)).unwrap_or(text.len());
    (end > 0).then(|| &text[..end])
}

fn is_name_letter(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '$'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registrations_are_found_under_any_name_of_the_framework_and_not_in_comments() {
        let code = without_comments(
            "// functions.http('no', f)\nconst f = require('@google-cloud/functions-framework'); /* http('no') */\n\
             f.http('hello', (req, res) => res.send('http://x // y'));\nf.cloudEvent(\n  \"on\", e => {});\nxhttp('no')\n",
        );
        assert_eq!(
            registered(&code),
            [("hello".to_owned(), Event::Http), ("on".to_owned(), Event::Cloud)]
        );
        assert!(registered("app.http('hello', f)").is_empty());
    }

    #[test]
    fn exports_are_found_in_both_kinds_of_module() {
        let code = "exports.a = 1;\nmodule.exports.b = 2\nexport const c = 3;\nexport async function d() {}\n\
                    exports.a.x = 1;\nexport default e;\n";
        assert_eq!(exported(code), ["a", "b", "c", "d"]);
    }

    #[test]
    fn packages_are_found_however_they_are_imported() {
        let code = "import a from 'a';\nimport 'b/sub';\nimport {\n  c,\n} from \"@s/c\";\nconst d = require('d');\n\
                    const e = await import('e');\nimport x from './x'; import '@/y'; import z from '#z'; export * from 'f';\n\
                    Array.from('nothing');\n";
        let found: Vec<_> = imports(code).into_iter().collect();
        assert_eq!(found, ["@s/c", "a", "b/sub", "d", "e", "f"]);
    }

    #[test]
    fn default_exports_and_awaits_at_the_top_are_seen() {
        assert!(exports_default("export default async (req, res) => {}"));
        assert!(!exports_default("export default { port: 1 }"));
        assert!(awaits_at_top("import x from 'x';\nconst y = await x();\n"));
        assert!(!awaits_at_top("async function f() {\n  await g();\n}\n"));
    }

    proptest::proptest! {
        #[test]
        fn scanning_never_panics(text in "(?s)[ -~\n\"'`/*\\\\é]{0,200}") {
            let code = without_comments(&text);
            let _ = (registered(&code), exported(&code), imports(&code), awaits_at_top(&code));
        }
    }
}
