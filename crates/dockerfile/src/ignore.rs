//! What a build's context leaves out: `.dockerignore` (Docker documentation, "Build context", and the module
//! `moby/patternmatcher`).
//!
//! A line leaves out what it matches and all beneath; a line that begins with `!` takes back what it matches; the last
//! line that matches counts. It is not `.gitignore`: a name without a slash is a name at the top alone.

mod pattern;

use self::pattern::Pattern;
pub use self::pattern::clean;
use crate::glob::InvalidGlob;

/// The lines of an ignore file.
#[derive(Debug, Clone, Default)]
pub struct Ignore(Vec<Pattern>);

impl Ignore {
    /// Reads an ignore file. Lines that begin with `#` are comments.
    ///
    /// # Errors
    /// The first line that is no pattern.
    pub fn parse(text: &str) -> Result<Self, InvalidGlob> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Self::of(lines.map(relative))
    }

    /// Reads patterns one by one, as `COPY --exclude` takes them.
    ///
    /// # Errors
    /// The first that is no pattern.
    pub fn of(patterns: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, InvalidGlob> {
        let patterns = patterns.into_iter();
        let read = patterns.filter_map(|text| match text.as_ref().trim() {
            "" => None,
            text => Some(Pattern::new(text)),
        });
        read.collect::<Result<_, _>>().map(Self)
    }

    /// Answers whether a path is left out, because of itself or of a folder that it is in. It is relative, without a
    /// slash at its end, and the same for files and folders.
    pub fn is_ignored(&self, path: &str) -> bool {
        let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
        let all: Vec<&str> = std::iter::once(path).chain(folders).collect();
        let mut is_ignored = false;
        for pattern in &self.0 {
            // A line that would not change anything needs no look.
            if pattern.is_exception == is_ignored && all.iter().any(|path| pattern.matches(path)) {
                is_ignored = !pattern.is_exception;
            }
        }
        is_ignored
    }

    /// Answers whether something beneath a folder that is left out may be taken back, so that it has to be looked into.
    pub fn may_contain_exceptions(&self, folder: &str) -> bool {
        let exceptions = self.0.iter().filter(|pattern| pattern.is_exception);
        exceptions
            .into_iter()
            .any(|pattern| pattern.may_be_beneath(folder))
    }

    /// Answers whether any line takes something back.
    pub fn has_exceptions(&self) -> bool {
        self.0.iter().any(|pattern| pattern.is_exception)
    }

    /// Answers whether a source of a `COPY` is left out for certain. The top is, when one line leaves everything out.
    pub fn leaves_out(&self, source: &str) -> bool {
        let source = clean(source);
        match source.as_str() {
            "." | "/" => {
                let everything = |pattern: &Pattern| !pattern.is_exception && pattern.is_everything();
                self.0.iter().any(everything)
            }
            source => self.is_ignored(source),
        }
    }
}

/// Answers a line as a pattern beneath the context's top.
fn relative(line: &str) -> String {
    let line = line.trim();
    let (sign, rest) = match line.strip_prefix('!') {
        Some(rest) => ("!", rest.trim()),
        None => ("", line),
    };
    if rest.is_empty() {
        return sign.to_owned();
    }
    let cleaned = clean(rest);
    let inner = cleaned.strip_prefix('/').filter(|inner| !inner.is_empty());
    format!("{sign}{}", inner.unwrap_or(&cleaned))
}
