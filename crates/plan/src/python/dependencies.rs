//! Which packages are installed, and how.

use super::application::{Application, Kind};
use super::bytecode;
use super::pyproject;
use super::release::Release;
use super::requirements::Requirements;
use crate::context::Context;
use crate::draft::{Draft, build_environment};
use crate::error::PlanError;
use crate::op::{CacheMount, Capture, Input, Op, Run, Sharing};
use crate::step::StepId;

/// The Functions Framework with all that it depends on, for handlers that declare no dependencies of their own:
/// nothing to resolve, and the same layer for all of them.
const FRAMEWORK: &str = include_str!("framework.txt");

/// What is added to an author's dependencies when they do not name it.
const FUNCTIONS_FRAMEWORK: (&str, &str) = ("functions-framework", "3.10.2");
const GUNICORN: (&str, &str) = ("gunicorn", "27.0.1");
const UVICORN: (&str, &str) = ("uvicorn", "0.54.0");

/// Lock files of package managers that nothing reads yet, with how to turn each into a requirements file.
const OTHER_LOCKS: [(&str, &str); 5] = [
    (
        "uv.lock",
        "uv export --frozen --no-dev --no-emit-project -o requirements.txt",
    ),
    ("poetry.lock", "poetry export -o requirements.txt"),
    ("Pipfile.lock", "pipenv requirements > requirements.txt"),
    ("pdm.lock", "pdm export -o requirements.txt"),
    ("Pipfile", "pipenv requirements > requirements.txt"),
];

/// Where requirements files are during the installation.
const FILES: &str = "/build";

/// What the author declares.
#[derive(Debug, Default)]
pub(super) struct Declared {
    requirements: Requirements,
    /// What pip is told, and what it reads.
    arguments: Vec<String>,
    inputs: Vec<Input>,
}

/// What is installed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    arguments: Vec<String>,
    inputs: Vec<Input>,
}

/// Answers what the author declares: in the file that the manifest names, else in `requirements.txt`, else in
/// `pyproject.toml`.
pub(super) fn declared(context: Context<'_>, draft: &mut Draft) -> Result<Declared, PlanError> {
    let named = context.manifest.build.python.manager_file.as_deref();
    let usual = context
        .source
        .contains("requirements.txt")
        .then_some("requirements.txt");
    let declared = match (named, usual) {
        (Some(file), _) => of_file(context, file, "`build.python.manager_file`")?,
        (None, Some(file)) => of_file(context, file, "detection")?,
        (None, None) => of_project(context, draft)?,
    };
    warn_unpinned(&declared.requirements, draft);
    Ok(declared)
}

fn of_file(context: Context<'_>, file: &str, named_by: &str) -> Result<Declared, PlanError> {
    let requirements = Requirements::read(context, file, named_by)?;
    let files = requirements.files.iter().cloned().collect();
    Ok(Declared {
        requirements,
        arguments: vec!["--requirement".to_owned(), file.to_owned()],
        inputs: vec![Input::Source {
            files,
            to: FILES.to_owned(),
        }],
    })
}

fn of_project(context: Context<'_>, draft: &mut Draft) -> Result<Declared, PlanError> {
    if let Some((lock, command)) = OTHER_LOCKS
        .into_iter()
        .find(|(lock, _)| context.source.contains(lock))
    {
        return Err(PlanError::NotYet {
            what: format!("installing from `{lock}`"),
            instead: format!("write it out: `{command}`"),
        });
    }
    let Some(lines) = pyproject::dependencies(context)? else {
        return Ok(Declared::default());
    };
    draft
        .why
        .push("`pyproject.toml` declares the dependencies".to_owned());
    Ok(Declared {
        requirements: Requirements::of(lines.iter().map(String::as_str)),
        arguments: vec!["--requirement".to_owned(), format!("{FILES}/requirements.txt")],
        inputs: vec![text(
            "requirements.txt",
            lines.join(
                "
",
            ) + "
",
        )],
    })
}

fn warn_unpinned(requirements: &Requirements, draft: &mut Draft) {
    let open: Vec<_> = requirements.unpinned().map(|name| format!("`{name}`")).collect();
    if !open.is_empty() {
        draft.warnings.push(format!(
            "unlocked: no exact version of {} is declared, so builds may differ",
            open.join(", ")
        ));
    }
}

/// Adds what the application's kind needs and the author does not name; an author's own versions always win.
pub(super) fn complete(declared: Declared, application: &Application) -> Result<Option<Wanted>, PlanError> {
    let needed = match application.kind {
        Kind::Handler { .. } => Some(FUNCTIONS_FRAMEWORK),
        Kind::Wsgi(_) => Some(GUNICORN),
        Kind::Asgi(_) => Some(UVICORN),
        Kind::Program | Kind::Command => None,
    };
    let missing = needed.filter(|(name, _)| !declared.requirements.name(name));
    let Declared {
        requirements,
        mut arguments,
        inputs,
    } = declared;
    match missing {
        None if requirements.is_empty() => Ok(None),
        None => Ok(Some(Wanted { arguments, inputs })),
        Some(FUNCTIONS_FRAMEWORK) if requirements.is_empty() => Ok(Some(framework_alone())),
        Some((name, version)) if requirements.hashed => Err(hashes(name, version)),
        Some((name, version)) => {
            arguments.push(format!("{name}=={version}"));
            Ok(Some(Wanted { arguments, inputs }))
        }
    }
}

fn framework_alone() -> Wanted {
    Wanted {
        arguments: vec![
            "--no-deps".to_owned(),
            "--requirement".to_owned(),
            format!("{FILES}/framework.txt"),
        ],
        inputs: vec![text("framework.txt", FRAMEWORK.to_owned())],
    }
}

fn hashes(name: &str, version: &str) -> PlanError {
    PlanError::Dependencies {
        message: format!("the requirements name hashes, and not `{name}`, which the application needs"),
        instead: format!("add `{name}=={version}` to them, with its hashes"),
    }
}

fn text(name: &str, contents: String) -> Input {
    Input::Text {
        contents,
        to: format!("{FILES}/{name}"),
    }
}

/// Answers the operation that installs into `/usr/local` and compiles what it installed.
///
/// Packages of the builder itself (pip, wheel) do not count as installed, since the image has none of them.
pub(super) fn install(wanted: &Wanted, release: Release, root: Vec<StepId>) -> Op {
    let packages = format!("/usr/local/lib/python{}/dist-packages", release.version());
    let script = format!(
        "python3 -m pip install --ignore-installed --no-compile \"$@\"\n{}",
        bytecode::command(&[packages])
            .iter()
            .map(|word| quoted(word))
            .collect::<Vec<_>>()
            .join(" "),
    );
    let words = ["sh", "-ec", &script, "install"].map(str::to_owned);
    Op::Run(Run {
        root,
        command: words
            .into_iter()
            .chain(wanted.arguments.iter().cloned())
            .collect(),
        env: build_environment([
            ("PIP_BREAK_SYSTEM_PACKAGES", "1"),
            ("PIP_CACHE_DIR", "/root/.cache/pip"),
            ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
            ("PIP_NO_INPUT", "1"),
            ("PIP_PROGRESS_BAR", "off"),
            ("PIP_ROOT_USER_ACTION", "ignore"),
            ("PYTHONHASHSEED", "0"),
            // The earliest time that a zip archive can hold.
            ("SOURCE_DATE_EPOCH", "315532800"),
        ]),
        workdir: FILES.to_owned(),
        inputs: wanted.inputs.clone(),
        caches: vec![CacheMount {
            name: "pip".to_owned(),
            target: "/root/.cache/pip".to_owned(),
            sharing: Sharing::Shared,
        }],
        network: coracle_spec::revision::Network::Egress,
        capture: vec![Capture {
            path: "/usr/local".to_owned(),
            exclude: Vec::new(),
        }],
    })
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
