//! `go.mod` and `go.work` (Go modules reference, "go.mod files", "go.work files"): which modules there are, and which
//! Go they ask for.

use crate::context::Context;
use crate::error::PlanError;

/// The file of a module.
pub(super) const MODULE: &str = "go.mod";

/// The file of a workspace.
pub(super) const WORKSPACE: &str = "go.work";

/// What one of these files says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ModFile {
    /// The file's path.
    pub(super) file: String,
    /// The module's path.
    pub(super) module: String,
    /// The oldest Go that it accepts.
    pub(super) go: Option<String>,
    /// The Go that it is developed with: `go1.26.3`.
    pub(super) toolchain: Option<String>,
    /// The modules that it requires, with their versions.
    pub(super) requires: Vec<(String, String)>,
    /// What is used instead of modules: the path of a module, the line as it is after `replace`.
    pub(super) replaces: Vec<Replace>,
    /// The folders of a workspace.
    pub(super) uses: Vec<String>,
}

/// A replacement of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Replace {
    /// The module that is replaced.
    pub(super) module: String,
    /// What is before `=>`: the module and perhaps a version.
    pub(super) old: String,
    /// What is used instead: a folder, or a module and its version.
    pub(super) new: String,
    /// The line, counted from one.
    pub(super) line: usize,
}

impl Replace {
    /// Answers the folder that is used instead, as it is written.
    pub(super) fn folder(&self) -> Option<&str> {
        let is_folder = ["./", "../", "/"].iter().any(|start| self.new.starts_with(start));
        (is_folder || matches!(self.new.as_str(), "." | "..")).then_some(self.new.as_str())
    }
}

impl ModFile {
    /// Reads the file at `path`; nothing when there is none.
    pub(super) fn read(context: Context<'_>, path: &str) -> Result<Option<Self>, PlanError> {
        context.text(path)?.map(|text| parse(path, &text)).transpose()
    }

    /// Answers whether a module is required.
    pub(super) fn requires(&self, module: &str) -> bool {
        self.requires.iter().any(|(name, _)| name == module)
    }

    /// Answers the replacement of a module.
    pub(super) fn replaced(&self, module: &str) -> Option<&Replace> {
        self.replaces.iter().find(|replace| replace.module == module)
    }
}

/// Parses either file. Directives that say nothing about what is built are left out; Go itself refuses what is wrong
/// in them.
fn parse(file: &str, text: &str) -> Result<ModFile, PlanError> {
    let mut parsed = ModFile {
        file: file.to_owned(),
        ..ModFile::default()
    };
    let mut block: Option<String> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.split("//").next().unwrap_or_default().trim();
        let words: Vec<&str> = line.split_whitespace().map(unquoted).collect();
        match (block.as_deref(), words.as_slice()) {
            (_, []) => {}
            (Some(_), [")"]) => block = None,
            (Some(verb), words) => parsed.take(verb, words, index + 1)?,
            (None, [verb, "("]) => block = Some((*verb).to_owned()),
            (None, [verb, words @ ..]) => parsed.take(verb, words, index + 1)?,
        }
    }
    Ok(parsed)
}

fn unquoted(word: &str) -> &str {
    word.trim_matches(['"', '`'])
}

impl ModFile {
    fn take(&mut self, verb: &str, words: &[&str], line: usize) -> Result<(), PlanError> {
        match (verb, words) {
            ("module", [path]) => (*path).clone_into(&mut self.module),
            ("go", [version]) => self.go = Some((*version).to_owned()),
            ("toolchain", [name]) => self.toolchain = Some((*name).to_owned()),
            ("use", [folder]) => self.uses.push((*folder).to_owned()),
            ("require", [module, version]) => {
                self.requires.push(((*module).to_owned(), (*version).to_owned()));
            }
            ("replace", words) => {
                let replace = replace(words, line).ok_or_else(|| self.broken(line))?;
                self.replaces.push(replace);
            }
            ("module" | "go" | "toolchain" | "use" | "require", _) => return Err(self.broken(line)),
            _ => {}
        }
        Ok(())
    }

    fn broken(&self, line: usize) -> PlanError {
        PlanError::Broken {
            path: self.file.clone(),
            line,
            message: "no directive of this form".to_owned(),
        }
    }
}

fn replace(words: &[&str], line: usize) -> Option<Replace> {
    let arrow = words.iter().position(|word| *word == "=>")?;
    let (old, new) = (words.get(..arrow)?, words.get(arrow + 1..)?);
    (!new.is_empty()).then_some(Replace {
        module: (*old.first()?).to_owned(),
        old: old.join(" "),
        new: new.join(" "),
        line,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_read_alone_and_in_blocks() {
        let text = "module \"example.com/a\" // it\n\ngo 1.25.3\ntoolchain go1.26.1\nrequire b.example/b v1.0.0\n\
            require (\n\tc.example/c v2.1.0+incompatible // indirect\n)\nexclude c.example/c v1.0.0\n\
            replace (\n\tb.example/b => ../b\n\tc.example/c v2.1.0 => d.example/c v2.2.0\n)\nuse ./a\nuse (\n./b\n)\n";
        let file = parse("go.mod", text).unwrap();
        assert_eq!(
            (
                file.module.as_str(),
                file.go.as_deref(),
                file.toolchain.as_deref()
            ),
            ("example.com/a", Some("1.25.3"), Some("go1.26.1"))
        );
        assert_eq!(file.uses, ["./a", "./b"]);
        assert!(file.requires("b.example/b") && file.requires("c.example/c") && !file.requires("a"));
        assert_eq!(file.replaced("b.example/b").unwrap().folder(), Some("../b"));
        let other = file.replaced("c.example/c").unwrap();
        assert_eq!(
            (other.folder(), other.old.as_str(), other.line),
            (None, "c.example/c v2.1.0", 12)
        );
    }

    #[test]
    fn what_cannot_be_read_is_an_error_with_its_line() {
        for text in ["go\n", "module a\nreplace b ../b\n", "require (\nb\n)\n"] {
            assert!(parse("go.mod", text).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn parsing_never_panics(text in "(?s)[ -~\n\t]{0,200}") {
            let _ = parse("go.mod", &text);
        }
    }
}
