//! From arguments to an exit code.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use clap::FromArgMatches;
use coracle_spec::{Class, Failure};

use crate::args::{Cli, Everywhere};
use crate::context::Context;
use crate::error::Error;
use crate::printer::{Paint, Printer, Talk, Terminal};
use crate::settings::{Flags, Settings};
use crate::{help, log};

/// Runs the program with the process's arguments.
///
/// As a keeper it must have one thread only, so that is decided before anything else.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    #[cfg(all(feature = "engine", target_os = "linux"))]
    if arguments.get(1).is_some_and(|verb| verb == crate::engine::KEEPER) {
        return coracle_keeper::main(arguments.into_iter().skip(2));
    }
    let parsed = help::command()
        .try_get_matches_from(arguments)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => run(cli),
        Err(message) => say_usage(&message),
    }
}

/// Prints help to stdout, complaints to stderr, as `clap` decides; a closed stdout is no concern.
fn say_usage(message: &clap::Error) -> ExitCode {
    let _ = message.print();
    ExitCode::from(u8::try_from(message.exit_code()).unwrap_or(2))
}

fn run(cli: Cli) -> ExitCode {
    let context = match context(&cli.everywhere) {
        Ok(context) => context,
        Err(error) => return fail(&error, Paint::PLAIN, Printer::new(Talk::Normal, Terminal::Plain)),
    };
    log::start(context.settings.log.as_deref(), context.printer);
    match block_on(cli, &context) {
        Ok(code) => code,
        Err(error) => fail(&error, context.printer.paint(), context.printer),
    }
}

fn context(everywhere: &Everywhere) -> Result<Context, Error> {
    let settings = Settings::resolve(&Flags {
        data: everywhere.data.clone(),
    })?;
    let talk = if everywhere.quiet {
        Talk::Quiet
    } else {
        Talk::Normal
    };
    let printer = Printer::new(talk, Terminal::of_stderr(settings.plain));
    Ok(Context { settings, printer })
}

fn block_on(cli: Cli, context: &Context) -> Result<ExitCode, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(RuntimeError)?;
    let result = runtime.block_on(cli.verb.run(context));
    // A blocking read of stdin, or a look-up in the resolver, may never end: it must not hold up the exit.
    runtime.shutdown_background();
    result
}

fn fail(error: &Error, paint: Paint, printer: Printer) -> ExitCode {
    if let Some(report) = error.report(paint) {
        printer.insist(report);
    }
    error.exit_code()
}

/// The threads of the program cannot be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the program's threads")]
struct RuntimeError(#[source] io::Error);

impl Failure for RuntimeError {
    fn class(&self) -> Class {
        Class::Busy
    }
}
