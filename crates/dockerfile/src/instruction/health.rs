//! `HEALTHCHECK`.

use std::time::Duration;

use super::options::Options;
use super::parse::command_line;
use super::{Healthcheck, Schedule};
use crate::error::Problem;

/// The units of Go's durations, in nanoseconds, longer names first (package `time`, `ParseDuration`).
const UNITS: [(&str, f64); 7] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
];

pub(super) fn healthcheck(rest: &str, mut options: Options) -> Result<Healthcheck, Problem> {
    let (kind, command) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    match kind.to_ascii_uppercase().as_str() {
        "" => Err(Problem::new("HEALTHCHECK requires at least one argument")),
        "NONE" if !command.trim().is_empty() => Err(Problem::new("HEALTHCHECK NONE takes no arguments")),
        "NONE" => Ok(Healthcheck::None),
        "CMD" if command.trim().is_empty() => Err(Problem::new("HEALTHCHECK CMD has no command")),
        "CMD" => {
            let schedule = schedule(&mut options)?;
            options.finish()?;
            let command = command_line(command.trim_start())?;
            Ok(Healthcheck::Command { command, schedule })
        }
        _ => Err(Problem::new(format!("`{kind}` is no kind of HEALTHCHECK"))
            .with_hint("expected `HEALTHCHECK CMD …` or `HEALTHCHECK NONE`")),
    }
}

fn schedule(options: &mut Options) -> Result<Schedule, Problem> {
    Ok(Schedule {
        interval: span(options, "interval")?,
        timeout: span(options, "timeout")?,
        start_period: span(options, "start-period")?,
        start_interval: span(options, "start-interval")?,
        retries: match options.text("retries")? {
            None => 0,
            Some(text) => text
                .parse()
                .map_err(|_| Problem::new(format!("`--retries` is a number from 0, not `{text}`")))?,
        },
    })
}

fn span(options: &mut Options, name: &'static str) -> Result<Duration, Problem> {
    let Some(text) = options.text(name)?.filter(|text| !text.is_empty()) else {
        return Ok(Duration::ZERO);
    };
    let span = duration(&text).ok_or_else(|| {
        Problem::new(format!("`{text}` is no time"))
            .with_hint("expected numbers with units: `30s`, `1m30s`, `500ms`")
    })?;
    if !span.is_zero() && span < Duration::from_millis(1) {
        return Err(Problem::new(format!("`--{name}` cannot be less than 1ms")));
    }
    Ok(span)
}

/// Reads a time as Go writes it: `1h30m`, `1.5s`; negative ones make no sense here.
fn duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut nanoseconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|part: char| !part.is_ascii_digit() && part != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let units = &rest[digits..];
        let end = units
            .find(|part: char| part.is_ascii_digit() || part == '.')
            .unwrap_or(units.len());
        let (_, size) = UNITS.iter().find(|(unit, _)| *unit == &units[..end])?;
        nanoseconds += number * size;
        rest = &units[end..];
    }
    Duration::try_from_secs_f64(nanoseconds / 1e9).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_go_writes_them() {
        for (text, milliseconds) in [
            ("30s", Some(30_000)),
            ("1m30s", Some(90_000)),
            ("1.5s", Some(1_500)),
            ("500ms", Some(500)),
            ("0", Some(0)),
            ("30", None),
            ("s", None),
            ("1x", None),
            ("-1s", None),
            ("1..5s", None),
        ] {
            assert_eq!(duration(text), milliseconds.map(Duration::from_millis), "{text}");
        }
    }
}
