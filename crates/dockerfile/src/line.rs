//! Lines as Dockerfiles have them: continued ones joined, comments and parser directives taken out, and the contents of
//! here-documents attached.

use crate::error::{Lines, ParseError, Problem};
use crate::file::Warning;
use crate::flags;
use crate::heredoc::{self, Heredoc};

/// The longest line; BuildKit reads no longer ones.
const MOST: usize = 65_535;

/// What the first comments say to the parser (Dockerfile reference, "Parser directives").
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Directives {
    pub(crate) escape: char,
    pub(crate) syntax: Option<String>,
    pub(crate) check: Option<String>,
}

/// A line with everything that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) lines: Lines,
    pub(crate) heredocs: Vec<Heredoc>,
}

/// A file in lines.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) directives: Directives,
    pub(crate) lines: Vec<Line>,
    pub(crate) warnings: Vec<Warning>,
}

/// Reads a file.
pub(crate) fn read(text: &str) -> Result<Read, ParseError> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut physical: Vec<&str> = body.split_inclusive('\n').collect();
    if let Some(index) = physical.iter().position(|line| line.len() > MOST) {
        let problem = Problem::new(format!("a line has more than {MOST} bytes"));
        return Err(problem.at(Lines::one(index + 1), text));
    }
    let directives = directives(&physical).map_err(|(problem, line)| problem.at(Lines::one(line), text))?;
    // Nothing ends a file but its end.
    physical.retain(|line| !line.is_empty());
    let mut reader = Reader {
        physical,
        at: 0,
        escape: directives.escape,
        warnings: Vec::new(),
    };
    let mut lines = Vec::new();
    while let Some(line) = reader
        .next()
        .map_err(|(problem, lines)| problem.at(lines, text))?
    {
        lines.push(line);
    }
    Ok(Read {
        directives,
        lines,
        warnings: reader.warnings,
    })
}

/// Reads the comments `# name=value` before anything else. The first other line ends them.
fn directives(lines: &[&str]) -> Result<Directives, (Problem, usize)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut escape = '\\';
    for (index, line) in lines.iter().enumerate() {
        let Some((name, value)) = directive(line) else {
            break;
        };
        if found.iter().any(|(other, _)| *other == name) {
            let problem = Problem::new(format!("only one `{name}` parser directive can be used"));
            return Err((problem, index + 1));
        }
        if name == "escape" {
            escape = match value.as_str() {
                "\\" => '\\',
                "`" => '`',
                other => {
                    let problem = Problem::new(format!("`{other}` is no escape: it is `\\` or a backquote"));
                    return Err((problem, index + 1));
                }
            };
        }
        found.push((name, value));
    }
    let take = |wanted: &str| {
        found
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.clone())
    };
    Ok(Directives {
        escape,
        syntax: take("syntax"),
        check: take("check"),
    })
}

fn directive(line: &str) -> Option<(String, String)> {
    let (name, value) = line
        .trim_start()
        .strip_prefix('#')?
        .trim_start()
        .split_once('=')?;
    let (name, value) = (name.trim_end().to_ascii_lowercase(), value.trim());
    let is_known = matches!(name.as_str(), "syntax" | "escape" | "check");
    (is_known && !value.is_empty()).then(|| (name, value.to_owned()))
}

struct Reader<'a> {
    /// With their line endings, which here-documents keep.
    physical: Vec<&'a str>,
    at: usize,
    escape: char,
    warnings: Vec<Warning>,
}

impl Reader<'_> {
    fn next(&mut self) -> Result<Option<Line>, (Problem, Lines)> {
        while let Some(line) = self.physical.get(self.at) {
            let line = line.trim_end_matches(['\r', '\n']).trim_start();
            self.at += 1;
            let (part, is_continued) = self.uncontinued(if line.starts_with('#') { "" } else { line });
            if part.is_empty() && !is_continued {
                continue;
            }
            let first = self.at;
            let mut text = part.to_owned();
            if is_continued {
                self.join(&mut text);
            }
            let lines = Lines { first, last: self.at };
            let heredocs = self.heredocs(&text).map_err(|problem| (problem, lines))?;
            let lines = Lines { first, last: self.at };
            return Ok(Some(Line {
                text,
                lines,
                heredocs,
            }));
        }
        Ok(None)
    }

    /// Adds the lines that continue one. Comments between them do not count, and neither do empty lines, which will
    /// one day end the instruction.
    fn join(&mut self, text: &mut String) {
        let mut has_gap = false;
        while let Some(line) = self.physical.get(self.at) {
            self.at += 1;
            let line = line.trim_end_matches(['\r', '\n']);
            if line.trim_start().starts_with('#') {
                continue;
            }
            if line.trim_start().is_empty() {
                has_gap = true;
                continue;
            }
            let (part, is_continued) = self.uncontinued(line);
            text.push_str(part);
            if !is_continued {
                break;
            }
        }
        if has_gap {
            self.warnings.push(Warning {
                rule: "NoEmptyContinuation",
                message: "an empty line in a continued instruction will become an error".to_owned(),
                lines: Lines::one(self.at),
            });
        }
    }

    /// Takes an escape at the end away, and answers whether there was one. One that is escaped itself ends nothing.
    fn uncontinued<'l>(&self, line: &'l str) -> (&'l str, bool) {
        let trimmed = line.trim_end_matches([' ', '\t']);
        match trimmed.strip_suffix(self.escape) {
            Some(rest) if !rest.ends_with(self.escape) => (rest, true),
            _ => (line, false),
        }
    }

    /// Reads the contents of the here-documents that a line begins.
    fn heredocs(&mut self, line: &str) -> Result<Vec<Heredoc>, Problem> {
        if !line.contains("<<") || !flags::may_hold_heredocs(line, self.escape)? {
            return Ok(Vec::new());
        }
        let mut heredocs = heredoc::of_line(line);
        for heredoc in &mut heredocs {
            heredoc.contents = self.contents(heredoc)?;
        }
        Ok(heredocs)
    }

    fn contents(&mut self, heredoc: &Heredoc) -> Result<String, Problem> {
        let mut contents = String::new();
        while let Some(line) = self.physical.get(self.at) {
            self.at += 1;
            let end = line.trim_end_matches(['\r', '\n']);
            let end = if heredoc.strips_tabs {
                end.trim_start_matches('\t')
            } else {
                end
            };
            if end == heredoc.name {
                return Ok(contents);
            }
            contents.push_str(line);
        }
        Err(
            Problem::new(format!("the here-document `{}` has no end", heredoc.name)).with_hint(format!(
                "end it with a line that is `{}` and nothing else",
                heredoc.name
            )),
        )
    }
}
