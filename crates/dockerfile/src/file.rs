//! A whole Dockerfile: its stages, and what comes before them.

use crate::error::{Lines, ParseError, Problem};
use crate::instruction::{self, Argument, From, Instruction, Parsed};
use crate::line;

/// A Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dockerfile {
    /// The character that escapes and continues lines: a backslash or a backquote.
    pub escape: char,
    /// The front end that the author asks for (`# syntax=`).
    pub syntax: Option<String>,
    /// What the author says about checks (`# check=`).
    pub check: Option<String>,
    /// Variables before the first stage, which only `FROM` sees.
    pub arguments: Vec<Arguments>,
    /// The stages, in their order; there is at least one.
    pub stages: Vec<Stage>,
    /// What is allowed and unwise.
    pub warnings: Vec<Warning>,
}

/// An `ARG` before the first stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments {
    /// Its variables.
    pub arguments: Vec<Argument>,
    /// Where it is.
    pub lines: Lines,
    /// Its text with continued lines joined.
    pub text: String,
}

/// A stage: a base, and what is done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// The image or earlier stage that it stands on, or `scratch`; it may hold variables.
    pub base: String,
    /// Its name, in lower case.
    pub name: Option<String>,
    /// The platform that its base is for; it may hold variables.
    pub platform: Option<String>,
    /// Where it begins.
    pub lines: Lines,
    /// The text that begins it, with continued lines joined.
    pub text: String,
    /// What is done.
    pub instructions: Vec<Located>,
}

/// An instruction and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The instruction.
    pub instruction: Instruction,
    /// Its lines, here-documents included.
    pub lines: Lines,
    /// Its text with continued lines joined.
    pub text: String,
}

/// Something that is allowed and unwise (Dockerfile reference, "Build checks").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The check's name.
    pub rule: &'static str,
    /// What is unwise.
    pub message: String,
    /// Where.
    pub lines: Lines,
}

/// Parses a Dockerfile.
///
/// # Errors
/// The first line that is wrong, with what is wrong and the lines around it.
pub fn parse(text: &str) -> Result<Dockerfile, ParseError> {
    let read = line::read(text)?;
    let escape = read.directives.escape;
    let mut file = Dockerfile {
        escape,
        syntax: read.directives.syntax,
        check: read.directives.check,
        arguments: Vec::new(),
        stages: Vec::new(),
        warnings: read.warnings,
    };
    for line in read.lines {
        let parsed = instruction::parse(&line, escape).map_err(|problem| problem.at(line.lines, text))?;
        let lines = line.lines;
        file.add(parsed, lines, line.text)
            .map_err(|problem| problem.at(lines, text))?;
    }
    if file.stages.is_empty() {
        let last = text.lines().count().max(1);
        return Err(Problem::new("there is no FROM")
            .with_hint("begin with the image to stand on, such as `FROM debian:stable-slim`")
            .at(Lines::one(last), text));
    }
    Ok(file)
}

/// Parses one instruction that waited in an image (`ONBUILD`).
///
/// # Errors
/// It is wrong, or it is not one instruction.
pub fn trigger(text: &str) -> Result<Instruction, ParseError> {
    let read = line::read(text)?;
    let [line] = read.lines.as_slice() else {
        return Err(Problem::new("a trigger has to be a single instruction").at(Lines::one(1), text));
    };
    match instruction::parse(line, read.directives.escape) {
        Ok(Parsed::Instruction(instruction)) => Ok(instruction),
        Ok(Parsed::From(_)) => {
            Err(Problem::new("FROM isn't allowed as an ONBUILD trigger").at(line.lines, text))
        }
        Err(problem) => Err(problem.at(line.lines, text)),
    }
}

impl Dockerfile {
    fn add(&mut self, parsed: Parsed, lines: Lines, text: String) -> Result<(), Problem> {
        match (parsed, self.stages.last_mut()) {
            (Parsed::From(From { base, name, platform }), _) => self.stages.push(Stage {
                base,
                name,
                platform,
                lines,
                text,
                instructions: Vec::new(),
            }),
            (Parsed::Instruction(instruction), Some(stage)) => stage.instructions.push(Located {
                instruction,
                lines,
                text,
            }),
            (Parsed::Instruction(Instruction::Arg(arguments)), None) => self.arguments.push(Arguments {
                arguments,
                lines,
                text,
            }),
            (Parsed::Instruction(_), None) => {
                return Err(Problem::new("no build stage in current context")
                    .with_hint("only ARG may stand before the first FROM"));
            }
        }
        Ok(())
    }
}
