//! Which packages are installed.

use std::collections::BTreeSet;

use super::application::Application;
use super::install::{Call, FILES, Install};
use super::locked::{self, Locked, OfUv};
use super::manager::{self, Form};
use super::pyproject::{self, Project};
use super::requirements::Requirements;
use super::serving::Server;
use crate::context::Context;
use crate::draft::Draft;
use crate::error::PlanError;
use crate::op::Input;

/// What the author declares.
#[derive(Debug, Default)]
pub(super) struct Declared {
    pub(super) requirements: Requirements,
    /// Whether everything is named with its version, so that nothing is left to resolve.
    pub(super) is_complete: bool,
    pub(super) install: Install,
}

/// Answers what the author declares.
pub(super) fn declared(context: Context<'_>, draft: &mut Draft) -> Result<Declared, PlanError> {
    let Some((form, path)) = manager::choose(context, draft)? else {
        return Ok(Declared::default());
    };
    match form {
        Form::Requirements => of_file(context, &path, draft),
        Form::Project => of_project(context, draft),
        Form::Uv => Ok(of_uv(&path, locked::uv(context, &path)?)),
        Form::Pylock => Ok(of_pylock(&path, locked::pylock(context, &path)?)),
        Form::Poetry => of_lock(context, &path, &locked::poetry(context, &path)?),
        Form::Pdm => of_lock(context, &path, &locked::pdm(context, &path)?),
        Form::Pipenv => of_lock(context, &path, &locked::pipenv(context, &path)?),
    }
}

fn of_lock(context: Context<'_>, path: &str, locked: &Locked) -> Result<Declared, PlanError> {
    let (call, inputs) = locked.install(context, path)?;
    Ok(Declared {
        requirements: Requirements::named(locked.names()),
        is_complete: true,
        install: Install {
            calls: vec![call],
            inputs,
            names_index: false,
            tools: git(locked.needs_git()),
        },
    })
}

/// uv writes the packages of its lock out, with their hashes, and installs those. It is not asked whether the lock fits
/// the project: it would compare the host's indexes too.
fn of_uv(path: &str, lock: OfUv) -> Declared {
    let folder = path.rsplit_once('/').map_or(".", |(folder, _)| folder);
    let export = [
        "export",
        "--quiet",
        "--frozen",
        "--no-dev",
        "--no-emit-project",
        "--no-editable",
        "--project",
        folder,
        "--output-file",
        "exported.txt",
    ];
    let install = ["--no-deps", "--requirement", "exported.txt"];
    let calls = vec![
        Call::Other(export.map(str::to_owned).into()),
        Call::Install(install.map(str::to_owned).into()),
    ];
    read_by_uv(lock, calls)
}

fn of_pylock(path: &str, lock: OfUv) -> Declared {
    let install = ["--preview-features", "pylock", "--requirement", path];
    read_by_uv(lock, vec![Call::Install(install.map(str::to_owned).into())])
}

fn read_by_uv(lock: OfUv, calls: Vec<Call>) -> Declared {
    Declared {
        requirements: Requirements::named(lock.names),
        is_complete: true,
        install: Install {
            calls,
            inputs: vec![Input::Source {
                files: lock.files,
                to: FILES.to_owned(),
            }],
            names_index: false,
            tools: git(lock.needs_git),
        },
    }
}

fn git(is_needed: bool) -> BTreeSet<&'static str> {
    is_needed.then_some("git").into_iter().collect()
}

fn of_file(context: Context<'_>, file: &str, draft: &mut Draft) -> Result<Declared, PlanError> {
    let mut requirements = Requirements::read(context, file, "`build.python.manager_file`")?;
    let mut arguments = vec!["--requirement".to_owned(), file.to_owned()];
    let mut inputs = requirements.inputs(context, FILES)?;
    if let Some(extras) = requirements.project.clone() {
        let project = pyproject::read(context)?.ok_or_else(|| undeclared(file))?;
        let lines = project.requirements(&extras);
        requirements.add(Requirements::of(lines.iter().map(String::as_str)));
        inputs.push(text("project.txt", lines.join("\n") + "\n"));
        arguments.extend(["--requirement".to_owned(), "project.txt".to_owned()]);
    }
    if requirements.hashed {
        arguments.push("--require-hashes".to_owned());
    }
    warn_unpinned(&requirements, draft);
    arguments.push("--no-config".to_owned());
    Ok(Declared {
        is_complete: requirements.hashed,
        install: Install {
            calls: vec![Call::Install(arguments)],
            inputs,
            names_index: requirements.names_index,
            tools: git(requirements.needs_git),
        },
        requirements,
    })
}

fn of_project(context: Context<'_>, draft: &mut Draft) -> Result<Declared, PlanError> {
    let Some(project) = pyproject::read(context)? else {
        return Ok(Declared::default());
    };
    draft
        .why
        .push("`pyproject.toml` declares the dependencies".to_owned());
    let lines = project.requirements(&[]);
    let requirements = Requirements::of(lines.iter().map(String::as_str));
    warn_unpinned(&requirements, draft);
    Ok(Declared {
        is_complete: false,
        install: Install {
            calls: vec![Call::Install(vec![
                "--requirement".to_owned(),
                "requirements.txt".to_owned(),
            ])],
            inputs: unlocked_inputs(&project, &lines),
            names_index: false,
            tools: git(requirements.needs_git),
        },
        requirements,
    })
}

/// Settings of uv's name indexes, and where packages come from.
fn unlocked_inputs(project: &Project, lines: &[String]) -> Vec<Input> {
    let settings = project.configures_uv().then(|| Input::Source {
        files: vec![pyproject::FILE.to_owned()],
        to: FILES.to_owned(),
    });
    let lines = text("requirements.txt", lines.join("\n") + "\n");
    [lines].into_iter().chain(settings).collect()
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

/// Adds what the application is served with and the author does not name; an author's own versions always win.
///
/// To requirements that are complete it is added with all that it depends on, and with hashes. With others, its
/// dependencies are resolved together with theirs.
pub(super) fn complete(declared: Declared, application: &Application) -> Option<Install> {
    let requirements = &declared.requirements;
    let missing = Server::of(application).filter(|server| !requirements.name(server.name));
    let mut install = if requirements.is_empty() {
        Install::default()
    } else {
        declared.install
    };
    match missing {
        None if requirements.is_empty() => return None,
        None => {}
        Some(server) if declared.is_complete || requirements.is_empty() => {
            let pins = server.closure(|name| requirements.name(name));
            install.inputs.push(text("serving.txt", pins));
            let arguments = ["--no-deps", "--require-hashes", "--requirement", "serving.txt"];
            install
                .calls
                .push(Call::Install(arguments.map(str::to_owned).into()));
        }
        Some(server) => {
            if let Some(Call::Install(arguments)) = install.calls.last_mut() {
                arguments.push(server.requirement());
            }
        }
    }
    Some(install)
}

fn undeclared(file: &str) -> PlanError {
    PlanError::NotYet {
        what: format!("installing the folder itself (`{file}`) without a `[project]` in `pyproject.toml`"),
        instead: "name its dependencies in the requirements file: the folder's own modules are found without being installed"
            .to_owned(),
    }
}

/// Makes a file that the installation reads.
pub(super) fn text(name: &str, contents: String) -> Input {
    Input::Text {
        contents,
        to: format!("{FILES}/{name}"),
    }
}
