//! From a line to an instruction.

use coracle_spec::nearest;

use super::options::Options;
use super::{Argument, CommandLine, Instruction, copy, health, run};
use crate::arguments;
use crate::error::Problem;
use crate::flags::{self, Head};
use crate::line::Line;

/// What a line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// The start of a stage.
    From(From),
    /// An instruction of a stage.
    Instruction(Instruction),
}

/// The start of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct From {
    pub(crate) base: String,
    pub(crate) name: Option<String>,
    pub(crate) platform: Option<String>,
}

/// Parses a line.
pub(crate) fn parse(line: &Line, escape: char) -> Result<Parsed, Problem> {
    let head = flags::split(&line.text, escape);
    if head.name.eq_ignore_ascii_case("FROM") {
        return from(&head).map(Parsed::From);
    }
    instruction(&head, line, escape).map(Parsed::Instruction)
}

fn instruction(head: &Head<'_>, line: &Line, escape: char) -> Result<Instruction, Problem> {
    let options = Options::new(&head.flags);
    let (rest, heredocs) = (head.rest, line.heredocs.as_slice());
    // These take flags of their own.
    match head.name.to_ascii_uppercase().as_str() {
        "ADD" => return copy::add(rest, options, heredocs).map(Instruction::Add),
        "COPY" => return copy::copy(rest, options, heredocs).map(Instruction::Copy),
        "HEALTHCHECK" => return health::healthcheck(rest, options).map(Instruction::Healthcheck),
        "RUN" => return run::run(rest, options, heredocs).map(Instruction::Run),
        _ => {}
    }
    let name = known(head.name)?;
    // BuildKit does not look at the flags of these two either.
    if !matches!(name, "ARG" | "STOPSIGNAL") {
        options.finish()?;
    }
    match name {
        "ARG" => arg(rest, escape).map(Instruction::Arg),
        "CMD" => command_line(rest).map(Instruction::Cmd),
        "ENTRYPOINT" => command_line(rest).map(Instruction::Entrypoint),
        "ENV" => arguments::pairs(rest, "ENV", escape).map(Instruction::Env),
        "EXPOSE" => expose(rest).map(Instruction::Expose),
        "LABEL" => arguments::pairs(rest, "LABEL", escape).map(Instruction::Label),
        "MAINTAINER" => single(rest, "MAINTAINER").map(Instruction::Maintainer),
        "ONBUILD" => onbuild(rest, line, escape).map(Instruction::Onbuild),
        "SHELL" => shell(rest).map(Instruction::Shell),
        "STOPSIGNAL" => single(rest, "STOPSIGNAL").map(Instruction::StopSignal),
        "USER" => single(rest, "USER").map(Instruction::User),
        "VOLUME" => volume(rest).map(Instruction::Volume),
        _ => single(rest, "WORKDIR").map(Instruction::Workdir),
    }
}

/// The instructions that take no flags.
const PLAIN: [&str; 13] = [
    "ARG",
    "CMD",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// Those that do.
const FLAGGED: [&str; 5] = ["ADD", "COPY", "FROM", "HEALTHCHECK", "RUN"];

fn known(name: &str) -> Result<&'static str, Problem> {
    let known = PLAIN.iter().find(|known| name.eq_ignore_ascii_case(known));
    known.copied().ok_or_else(|| {
        let problem = Problem::new(format!("unknown instruction `{name}`"));
        match nearest(name, PLAIN.into_iter().chain(FLAGGED)) {
            Some(near) => problem.with_hint(format!("did you mean `{near}`?")),
            None => {
                problem.with_hint("a line that goes on in the next one ends with the escape, usually `\\`")
            }
        }
    })
}

/// Stage names are compared without case (Dockerfile reference, "FROM").
fn from(head: &Head<'_>) -> Result<From, Problem> {
    let words = arguments::spaced(head.rest);
    let (base, name) = match words.as_slice() {
        [base] => (base, None),
        [base, word, name] if word.eq_ignore_ascii_case("AS") => (base, Some(stage_name(name)?)),
        _ => {
            return Err(Problem::new("FROM requires either one or three arguments")
                .with_hint("expected `FROM image` or `FROM image AS name`"));
        }
    };
    let mut options = Options::new(&head.flags);
    let platform = options.text("platform")?;
    options.finish()?;
    Ok(From {
        base: base.clone(),
        name,
        platform,
    })
}

fn stage_name(text: &str) -> Result<String, Problem> {
    let name = text.to_lowercase();
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    if name.starts_with(|first: char| first.is_ascii_lowercase()) && name.bytes().all(allowed) {
        return Ok(name);
    }
    Err(Problem::new(format!("`{text}` is no name of a stage"))
        .with_hint("it begins with a letter, and holds letters, digits, `-`, `_` and `.`"))
}

fn arg(rest: &str, escape: char) -> Result<Vec<Argument>, Problem> {
    let words = arguments::words(rest, escape);
    if words.is_empty() {
        return Err(Problem::new("ARG requires at least one argument"));
    }
    let argument = |word: &String| match word.split_once('=') {
        Some(("", _)) => Err(Problem::new("ARG names can not be blank")),
        Some((name, default)) => Ok(Argument {
            name: name.to_owned(),
            default: Some(default.to_owned()),
        }),
        None => Ok(Argument {
            name: word.clone(),
            default: None,
        }),
    };
    words.iter().map(argument).collect()
}

/// Reads a command: JSON means no shell.
pub(super) fn command_line(rest: &str) -> Result<CommandLine, Problem> {
    Ok(match arguments::json(rest)? {
        Some(words) => CommandLine::Exec(words),
        None => CommandLine::Shell(rest.to_owned()),
    })
}

fn expose(rest: &str) -> Result<Vec<String>, Problem> {
    let mut ports = arguments::spaced(rest);
    if ports.is_empty() {
        return Err(Problem::new("EXPOSE requires at least one argument"));
    }
    ports.sort();
    Ok(ports)
}

fn single(rest: &str, name: &str) -> Result<String, Problem> {
    if rest.is_empty() {
        return Err(Problem::new(format!("{name} requires exactly one argument")));
    }
    Ok(rest.to_owned())
}

/// Checks the instruction that waits, and keeps its text: it is parsed again where it is carried out.
fn onbuild(rest: &str, line: &Line, escape: char) -> Result<String, Problem> {
    let trigger = flags::split(rest, escape).name.to_ascii_uppercase();
    match trigger.as_str() {
        "" => return Err(Problem::new("ONBUILD requires at least one argument")),
        "ONBUILD" => return Err(Problem::new("ONBUILD cannot wait for another ONBUILD")),
        "FROM" | "MAINTAINER" => {
            return Err(Problem::new(format!(
                "{trigger} isn't allowed as an ONBUILD trigger"
            )));
        }
        _ => {}
    }
    let contents = line.heredocs.iter();
    Ok(contents.fold(rest.to_owned(), |text, heredoc| {
        format!("{text}\n{}{}", heredoc.contents, heredoc.name)
    }))
}

fn shell(rest: &str) -> Result<Vec<String>, Problem> {
    match arguments::json(rest)? {
        Some(words) if !words.is_empty() => Ok(words),
        Some(_) => Err(Problem::new("SHELL requires at least one argument")),
        None => Err(Problem::new("SHELL requires the arguments to be in JSON form")
            .with_hint("write `SHELL [\"/bin/bash\", \"-c\"]`")),
    }
}

fn volume(rest: &str) -> Result<Vec<String>, Problem> {
    let paths = match arguments::json(rest)? {
        Some(paths) => paths,
        None => arguments::spaced(rest),
    };
    if paths.is_empty() {
        return Err(Problem::new("VOLUME requires at least one argument"));
    }
    let trimmed = paths.iter().map(|path| match path.trim() {
        "" => Err(Problem::new("VOLUME specified can not be an empty string")),
        path => Ok(path.to_owned()),
    });
    trimmed.collect()
}
