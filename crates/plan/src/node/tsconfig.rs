//! `tsconfig.json` (TypeScript's documentation, "`TSConfig` Reference"): JSON with comments and trailing commas.
//!
//! The bundler reads it by itself. Here it is asked only what decides the plan.

use serde::Deserialize;

use super::package;
use super::scan;
use crate::context::Context;
use crate::error::PlanError;

/// The file that is read when nothing names another.
const FILE: &str = "tsconfig.json";

/// How many files may extend one another.
const DEEPEST: usize = 8;

/// What decides the plan.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    /// The file that has decorators carry their types, if one says so.
    pub(super) decorator_metadata: Option<String>,
    /// Whether a package has a part of the settings: `@tsconfig/node20`.
    pub(super) extends_package: bool,
}

#[derive(Default, Deserialize)]
struct Document {
    #[serde(default)]
    extends: Extends,
    #[serde(default, rename = "compilerOptions")]
    options: Options,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Extends {
    One(String),
    Several(Vec<String>),
}

impl Default for Extends {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

impl Extends {
    fn all(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Several(several) => several,
        }
    }
}

#[derive(Default, Deserialize)]
struct Options {
    #[serde(default, rename = "emitDecoratorMetadata")]
    decorator_metadata: bool,
}

/// Reads the settings, with all that they extend within the folder.
pub(super) fn read(context: Context<'_>) -> Result<Settings, PlanError> {
    let named = context.manifest.build.node.tsconfig.as_deref();
    if let Some(file) = named {
        context.named_text(file, "`build.node.tsconfig`")?;
    }
    let mut settings = Settings::default();
    let mut files = vec![named.unwrap_or(FILE).to_owned()];
    for _ in 0..DEEPEST {
        let Some(file) = files.pop() else { break };
        let Some(text) = context.text(&file)? else {
            continue;
        };
        let document: Document = package::parse(&file, &plain(&text))?;
        if document.options.decorator_metadata {
            settings.decorator_metadata.get_or_insert(file.clone());
        }
        for parent in document.extends.all() {
            match beside(&file, &parent) {
                Some(path) => files.push(path),
                None => settings.extends_package = true,
            }
        }
    }
    Ok(settings)
}

/// Answers the path that `parent` means in `file`; nothing when it is in a package.
fn beside(file: &str, parent: &str) -> Option<String> {
    if !parent.starts_with('.') {
        return None;
    }
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in parent.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let path = parts.join("/");
    let is_json = path.to_ascii_lowercase().ends_with(".json");
    Some(if is_json { path } else { path + ".json" })
}

/// Makes JSON of the text: without comments, and without commas before a closing bracket.
fn plain(text: &str) -> String {
    let code = scan::without_comments(text);
    let mut json = String::with_capacity(code.len());
    for (index, letter) in code.char_indices() {
        let next = code[index + letter.len_utf8()..].trim_start().chars().next();
        if !(letter == ',' && matches!(next, Some('}' | ']'))) {
            json.push(letter);
        }
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_trailing_commas_are_no_json() {
        let text = "{\n  // \"a\": 1,\n  \"paths\": {\"@/*\": [\"./src/*\",],},\n}\n";
        assert!(serde_json::from_str::<Document>(&plain(text)).is_ok());
    }

    #[test]
    fn what_is_extended_is_a_file_or_in_a_package() {
        assert_eq!(beside("tsconfig.json", "./base").as_deref(), Some("base.json"));
        assert_eq!(beside("a/b/t.json", "../c.json").as_deref(), Some("a/c.json"));
        assert_eq!(beside("tsconfig.json", "@tsconfig/node20/tsconfig.json"), None);
    }
}
