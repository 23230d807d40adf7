//! Plans of the cases say what BuildKit says: the image's configuration, where it fails, what is warned of.
//!
//! Nothing is built, so this is quick, and about plans alone; the whole of it is compared where the program is.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::path::Path;
use std::sync::Arc;

use coracle_dockerfile_suite::{Case, Context, Expected, StandIns, Warning, timeless, trials};
use coracle_plan::dockerfile::{Input, plan};
use coracle_plan::patterns::Patterns;
use coracle_plan::{DockerfileError, Known, KnownImage, Plan, Planned, Target, Wanted};
use libtest_mimic::{Arguments, Failed};
use serde_json::Value;

/// The address that records have instead of the server's.
const SERVER: &str = "SERVER";

/// A tag that no image has.
const MISSING: &str = "missing";

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let stand_ins = StandIns::open(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("stand-ins")).unwrap();
    let stand_ins = Arc::new(stand_ins);
    let trials = trials(move |case| compare(case, &stand_ins)).unwrap();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn compare(case: &Case, stand_ins: &StandIns) -> Result<(), Failed> {
    if case.options.differs.is_some() {
        return Ok(());
    }
    let expected = case.expected()?;
    match planned(case, stand_ins)? {
        Some(Ok(plan)) => compare_plans(&expected, &plan),
        Some(Err(error)) => compare_errors(&expected, &error),
        None => Ok(()),
    }
}

/// Plans a case; answers nothing when it needs what is not there.
fn planned(case: &Case, stand_ins: &StandIns) -> Result<Option<Result<Plan, DockerfileError>>, Failed> {
    let context = Context::of(case)?;
    let file = case.options.file.as_deref().unwrap_or("Dockerfile");
    let text = fs_err::read_to_string(context.path().join(file))?;
    let ignore = ignore(&context, file);
    let args = case.options.arguments(SERVER);
    let input = Input {
        name: "Dockerfile",
        text: &text,
        stage: case.options.target.as_deref(),
        args: &args,
        labels: &case.options.labels,
        target: target(case)?,
        port: None,
        ignore: ignore.as_ref(),
    };
    let mut known = Known::new();
    loop {
        match plan(&input, &known) {
            Ok(Planned::Complete(plan)) => return Ok(Some(Ok(*plan))),
            Err(error) => return Ok(Some(Err(error))),
            Ok(Planned::Wants(wants)) => {
                for wanted in wants.into_keys() {
                    let Some(image) = image(&wanted, stand_ins)? else {
                        return Ok(None);
                    };
                    known.insert(wanted, image);
                }
            }
        }
    }
}

fn ignore(context: &Context, file: &str) -> Option<Patterns> {
    let own = context.path().join(format!("{file}.dockerignore"));
    let shared = context.path().join(".dockerignore");
    let text = fs_err::read_to_string(own).or_else(|_| fs_err::read_to_string(shared));
    text.ok().and_then(|text| Patterns::of_ignore_file(&text).ok())
}

fn target(case: &Case) -> Result<Target, Failed> {
    let host = coracle_plan::Arch::Amd64;
    let arch = match case.options.platform.as_deref() {
        None => host,
        Some("linux/arm64") => coracle_plan::Arch::Arm64,
        Some(other) => return Err(format!("no image is made for `{other}`").into()),
    };
    Ok(Target { arch, host })
}

fn image(wanted: &Wanted, stand_ins: &StandIns) -> Result<Option<KnownImage>, Failed> {
    if wanted.reference.tag() == Some(MISSING) {
        return Ok(None);
    }
    let found = stand_ins.configuration(wanted.reference.repository(), wanted.arch.name())?;
    Ok(match found {
        None => None,
        Some((digest, config)) => Some(KnownImage {
            digest,
            document: serde_json::from_value(config)?,
        }),
    })
}

fn compare_errors(expected: &Expected, error: &DockerfileError) -> Result<(), Failed> {
    let line = error.lines.first;
    match expected.failing_line() {
        Some(None) => Ok(()),
        Some(Some(expected)) if expected == line => Ok(()),
        Some(Some(expected)) => {
            Err(format!("BuildKit fails at {expected}, this does at {line}: {error}").into())
        }
        None => Err(format!("BuildKit does not fail, this does: {error}").into()),
    }
}

fn compare_plans(expected: &Expected, plan: &Plan) -> Result<(), Failed> {
    let Some(configuration) = expected.configuration() else {
        return Ok(());
    };
    let document = serde_json::to_value(plan.image.document.as_ref())?;
    let mut differences = different("", &configuration, &timeless(&document));
    let warnings = warnings(plan);
    let expected = expected.warnings();
    if warnings != expected {
        differences.push(format!("{warnings:?} instead of {expected:?}"));
    }
    if differences.is_empty() {
        Ok(())
    } else {
        Err(differences.join("\n").into())
    }
}

/// Answers the warnings of a plan that come of a rule, as they are recorded.
fn warnings(plan: &Plan) -> Vec<String> {
    let mut warnings: Vec<_> = plan
        .warnings
        .iter()
        .filter_map(|text| Warning::said(text))
        .collect();
    warnings.sort();
    warnings.iter().map(ToString::to_string).collect()
}

/// Answers where two documents are different.
fn different(path: &str, expected: &Value, actual: &Value) -> Vec<String> {
    match (expected, actual) {
        (Value::Object(one), Value::Object(other)) => {
            let names: std::collections::BTreeSet<_> = one.keys().chain(other.keys()).collect();
            names
                .into_iter()
                .flat_map(|name| different(&format!("{path}/{name}"), &expected[name], &actual[name]))
                .collect()
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => (0..one.len())
            .flat_map(|at| different(&format!("{path}/{at}"), &one[at], &other[at]))
            .collect(),
        _ if expected == actual => Vec::new(),
        _ => vec![format!("{path}: {actual} instead of {expected}")],
    }
}
