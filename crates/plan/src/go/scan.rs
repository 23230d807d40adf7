//! What a Go file declares at its top level, found without fully parsing it.
//!
//! Comments are taken out; declarations are found where `gofmt` puts them, at
//! the beginnings of lines. A full parser lost: the compiler reports what is wrong, and better.

use crate::comments::{self, Backticks};
use crate::event::Event;

/// The import path of what registers handlers.
const REGISTRY: &str = "github.com/GoogleCloudPlatform/functions-framework-go/functions";

/// What is called to register handlers.
const REGISTRATIONS: [(&str, Event); 3] = [
    ("HTTP(", Event::Http),
    ("CloudEvent(", Event::Cloud),
    ("Typed(", Event::Typed),
];

/// A file's code, without comments.
pub(super) struct Code(String);

impl Code {
    /// Takes the comments out of a file.
    pub(super) fn of(text: &str) -> Self {
        Self(comments::without(text, Backticks::Raw))
    }

    /// Answers the name of the package.
    pub(super) fn package(&self) -> Option<&str> {
        let name = self.0.lines().find_map(|line| line.strip_prefix("package "))?;
        Some(name.trim().trim_end_matches(';'))
    }

    /// Answers whether the file holds C code.
    pub(super) fn imports_c(&self) -> bool {
        let mut lines = self.0.lines().map(str::trim);
        lines.any(|line| matches!(line, "import \"C\"" | "\"C\""))
    }

    /// Answers the handlers that the file registers, with their names.
    pub(super) fn registered(&self) -> Vec<(&str, Event)> {
        let Some(alias) = self.imported(REGISTRY) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for (call, event) in REGISTRATIONS {
            for (start, _) in self.0.match_indices(&format!("{alias}.{call}")) {
                let before = self.0[..start].chars().next_back();
                let arguments = &self.0[start + alias.len() + 1 + call.len()..];
                let name = arguments
                    .trim_start()
                    .strip_prefix('"')
                    .and_then(|rest| rest.split('"').next());
                if let (Some(name), false) = (name, before.is_some_and(is_name_letter)) {
                    found.push((start, name, event));
                }
            }
        }
        found.sort_by_key(|(start, ..)| *start);
        found.into_iter().map(|(_, name, event)| (name, event)).collect()
    }

    /// Answers the exported functions that can be handlers by their parameters.
    pub(super) fn exported(&self) -> Vec<(&str, Event)> {
        let functions = self.0.match_indices("\nfunc ");
        let found = functions.filter_map(|(start, head)| function(&self.0[start + head.len()..]));
        found.collect()
    }

    /// Answers the name by which the file calls the package at an import path.
    fn imported(&self, path: &str) -> Option<&str> {
        let quoted = format!("\"{path}\"");
        self.0.lines().find_map(|line| {
            let line = line
                .trim()
                .trim_start_matches("import")
                .trim_start_matches([' ', '\t', '(']);
            let before = line[..line.find(&quoted)?].trim();
            let own = path.rsplit('/').next().unwrap_or(path);
            let is_import = before.chars().all(is_name_letter);
            is_import.then_some(if before.is_empty() {
                &line[line.find(own)?..][..own.len()]
            } else {
                before
            })
        })
    }
}

/// Answers the name of a function that can be a handler, and what it is called with.
fn function(text: &str) -> Option<(&str, Event)> {
    let (name, rest) = text.split_once('(')?;
    let is_exported = name.starts_with(char::is_uppercase) && name.chars().all(is_name_letter);
    let (parameters, rest) = rest.split_once(')')?;
    let types: Vec<&str> = parameters
        .split(',')
        .map(str::trim)
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| parameter.split_whitespace().last().unwrap_or_default())
        .collect();
    let result = rest.split('{').next().unwrap_or_default().trim();
    let event = match (types.as_slice(), result) {
        (["http.ResponseWriter", "*http.Request"], "") => Event::Http,
        (["context.Context", event], "error") if event.ends_with(".Event") => Event::Cloud,
        _ => return None,
    };
    is_exported.then_some((name, event))
}

fn is_name_letter(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registrations_are_found_under_any_name_of_the_framework_and_not_in_comments() {
        let import = format!("package hello\nimport (\n\t\"net/http\"\n\tff \"{REGISTRY}\"\n)\n");
        let code = Code::of(&format!(
            "// package no\n{import}func init() {{\n\tff.HTTP(\"Hello\", hello) // ff.HTTP(\"No\", no)\n\
             /* ff.HTTP(\"No\", no) */\n\tff.CloudEvent(\n\t\t\"On\", on)\n\tx := `ff.HTTP(`\n}}\n"
        ));
        assert_eq!(code.package(), Some("hello"));
        assert_eq!(code.registered(), [("Hello", Event::Http), ("On", Event::Cloud)]);
        assert!(
            Code::of("package a\nfunc init() { functions.HTTP(\"A\", a) }")
                .registered()
                .is_empty()
        );
        let plain = Code::of(&format!(
            "package a\nimport \"{REGISTRY}\"\nfunc init() {{ functions.HTTP(\"A\", a) }}\n"
        ));
        assert_eq!(plain.registered(), [("A", Event::Http)]);
    }

    #[test]
    fn exported_functions_are_handlers_by_their_types() {
        let code = Code::of(
            "package a\n\nfunc Hello(w http.ResponseWriter, r *http.Request) {\n}\n\
             func hidden(w http.ResponseWriter, r *http.Request) {}\n\
             func On(ctx context.Context, e event.Event) error { return nil }\n\
             func Wrong(w http.ResponseWriter, r *http.Request) error { return nil }\n\
             func (s *S) Method(w http.ResponseWriter, r *http.Request) {}\n\
             func Long(\n\tw http.ResponseWriter,\n\tr *http.Request,\n) {}\nfunc Other(a, b int) {}\n",
        );
        assert_eq!(
            code.exported(),
            [
                ("Hello", Event::Http),
                ("On", Event::Cloud),
                ("Long", Event::Http)
            ]
        );
    }

    #[test]
    fn c_code_is_seen() {
        assert!(Code::of("package a\n\n// #include <x.h>\nimport \"C\"\n").imports_c());
        assert!(Code::of("package a\nimport (\n\t\"C\"\n)\n").imports_c());
        assert!(!Code::of("package a\nvar x = \"C\"\n").imports_c());
    }

    proptest::proptest! {
        #[test]
        fn scanning_never_panics(text in "(?s)[ -~\n\t\"'`/*\\\\é]{0,200}") {
            let code = Code::of(&text);
            let _ = (code.package(), code.registered(), code.exported(), code.imports_c());
        }
    }
}
