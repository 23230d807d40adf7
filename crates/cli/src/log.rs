//! The program's own log lines: warnings on stderr, more of them with `CORACLE_LOG`.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::printer::Printer;

/// Starts writing log lines to stderr, as far as `filter` lets them through.
pub(crate) fn start(filter: Option<&str>, printer: Printer) {
    let usual = if printer.is_quiet() {
        LevelFilter::ERROR
    } else {
        LevelFilter::WARN
    };
    let filter = EnvFilter::builder()
        .with_default_directive(usual.into())
        .parse(filter.unwrap_or_default())
        .unwrap_or_else(|error| {
            printer.warn(format_args!("`CORACLE_LOG` is left out of account: {error}"));
            EnvFilter::default().add_directive(usual.into())
        });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(printer.is_live())
        .without_time()
        .init();
}
