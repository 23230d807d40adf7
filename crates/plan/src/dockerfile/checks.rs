//! Build checks: what is allowed and unwise (<https://docs.docker.com/reference/build-checks/>).

pub(super) mod bases;
mod options;
pub(super) mod whole;

use coracle_dockerfile::{Dockerfile, Lines};

use self::options::Options;
use super::Input;
use super::error::{DockerfileError, Wrong};

/// The checks of a Dockerfile while it is planned.
#[derive(Debug)]
pub(super) struct Checks<'a> {
    input: &'a Input<'a>,
    options: Options,
    found: Vec<Found>,
}

#[derive(Debug, PartialEq, Eq)]
struct Found {
    rule: &'static str,
    lines: Lines,
    message: String,
}

/// The only check that is not done unless the author asks for it.
const EXPERIMENTAL: &str = "InvalidDefinitionDescription";

impl<'a> Checks<'a> {
    /// Reads what the file says about checks.
    pub(super) fn new(input: &'a Input<'a>, file: &Dockerfile) -> Result<Self, DockerfileError> {
        let options = match &file.check {
            None => Options::default(),
            Some(text) => Options::parse(text).map_err(|wrong| wrong.at(input, directive(input.text)))?,
        };
        Ok(Self {
            input,
            options,
            found: Vec::new(),
        })
    }

    /// Notes that something is unwise, unless the author does not want to know: for the file, or in a comment above.
    pub(super) fn report(&mut self, rule: &'static str, lines: Lines, message: String) {
        let above = comments_above(self.input.text, lines.first)
            .iter()
            .find_map(|comment| options::of_comment(comment))
            .unwrap_or_default();
        let is_wanted = if rule == EXPERIMENTAL {
            self.options.tries(rule) || above.tries(rule)
        } else {
            !self.options.skips(rule) && !above.skips(rule)
        };
        let found = Found { rule, lines, message };
        if is_wanted && !self.found.contains(&found) {
            self.found.push(found);
        }
    }

    /// Answers what was found, one sentence each, in the order of the lines; an error when the author wants that.
    pub(super) fn finish(mut self) -> Result<Vec<String>, DockerfileError> {
        self.found.sort_by_key(|found| found.lines);
        match self.found.first() {
            Some(first) if self.options.are_errors => {
                let message = format!("{} ({})", first.message, first.rule);
                Err(Wrong::new(message)
                    .hint("the comment `check=error=true` makes warnings errors")
                    .at(self.input, first.lines))
            }
            _ => Ok(self.found.iter().map(|found| self.sentence(found)).collect()),
        }
    }

    fn sentence(&self, found: &Found) -> String {
        format!(
            "`{}`, line {}: {} ({})",
            self.input.name, found.lines.first, found.message, found.rule
        )
    }
}

/// Answers the comments right above a line, without their signs, the nearest first.
pub(super) fn comments_above(text: &str, line: usize) -> Vec<&str> {
    let before: Vec<&str> = text.lines().take(line.saturating_sub(1)).collect();
    let comments = before
        .iter()
        .rev()
        .map_while(|line| line.trim_start().strip_prefix('#'));
    comments.map(str::trim).collect()
}

fn directive(text: &str) -> Lines {
    let line = text.lines().position(|line| line.contains("check"));
    Lines::one(line.unwrap_or_default() + 1)
}
