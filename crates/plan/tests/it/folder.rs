//! Folders as sources, and plans as something to read.

use std::error::Error;
use std::iter::successors;
use std::path::Path;

use coracle_plan::{Arch, Lock, MemorySource, Plan, PlanError, Target, ignore, plan};
use coracle_spec::manifest::{FILE_NAME, Manifest, name_of_folder};
use coracle_spec::{Failure, FunctionName};
use serde_json::Value;

/// Reads a folder of the repository.
pub(crate) fn on_disk(folder: &Path) -> MemorySource {
    let mut files = Vec::new();
    collect(folder, "", &mut files);
    files.into_iter().collect()
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if ignore::is_always_ignored(&name) {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &format!("{path}/"), files);
        } else {
            files.push((path, fs_err::read(entry.path()).unwrap()));
        }
    }
}

/// Makes a source of a few files.
pub(crate) fn of(files: &[(&str, &str)]) -> MemorySource {
    files.iter().copied().collect()
}

/// Plans a source with the manifest that it holds, if it holds one.
pub(crate) fn planned(source: &MemorySource, folder: &str) -> Result<Plan, PlanError> {
    plan(
        source,
        &manifest(source, folder),
        &Lock::default(),
        &Target::native(Arch::Amd64),
    )
}

pub(crate) fn manifest(source: &MemorySource, folder: &str) -> Manifest {
    use coracle_plan::Source as _;
    let name: FunctionName = name_of_folder(folder);
    match source.read(FILE_NAME).unwrap() {
        Some(text) => Manifest::parse(std::str::from_utf8(&text).unwrap(), FILE_NAME, &name).unwrap(),
        None => Manifest::default_for(name),
    }
}

/// Answers the message that a user sees.
pub(crate) fn message(error: &PlanError) -> String {
    let first: Option<&dyn Error> = error.source();
    let causes = successors(first, |cause: &&dyn Error| (*cause).source());
    let lines = [format!("error: {error}")].into_iter();
    let lines = lines.chain(causes.map(|cause| format!("caused by: {cause}")));
    let lines = lines.chain(error.hint().map(|hint| format!("hint: {hint}")));
    lines.map(|line| line + "\n").collect()
}

/// Answers the plan as JSON, with what the plan holds for long files shortened to its length.
pub(crate) fn readable(plan: &Plan) -> Value {
    let mut value = serde_json::to_value(plan).unwrap();
    shorten(&mut value);
    value
}

fn shorten(value: &mut Value) {
    match value {
        Value::String(text) if text.len() > 600 => *text = format!("<{} bytes>", text.len()),
        Value::Array(items) => items.iter_mut().for_each(shorten),
        Value::Object(entries) => entries.values_mut().for_each(shorten),
        _ => {}
    }
}
