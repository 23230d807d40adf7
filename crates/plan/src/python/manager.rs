//! Which of a folder's files says what is installed.

use coracle_spec::manifest::PythonManager;

use super::pyproject;
use crate::context::Context;
use crate::draft::Draft;
use crate::error::PlanError;

/// A form in which dependencies are declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A requirements file.
    Requirements,
    /// uv's lock file.
    Uv,
    /// The standard lock file.
    Pylock,
    /// Poetry's lock file.
    Poetry,
    /// PDM's lock file.
    Pdm,
    /// Pipenv's lock file.
    Pipenv,
    /// `[project]` in `pyproject.toml`.
    Project,
}

/// Where they usually are; what is more exact comes first.
const USUAL: [(&str, Form); 6] = [
    ("uv.lock", Form::Uv),
    ("pdm.lock", Form::Pdm),
    ("poetry.lock", Form::Poetry),
    ("Pipfile.lock", Form::Pipenv),
    ("pylock.toml", Form::Pylock),
    ("requirements.txt", Form::Requirements),
];

/// Chooses the file that the manifest names, else that of the manager that it names, else the first there is.
///
/// Answers nothing when nothing declares dependencies.
pub(super) fn choose(context: Context<'_>, draft: &mut Draft) -> Result<Option<(Form, String)>, PlanError> {
    let python = &context.manifest.build.python;
    if let Some(file) = &python.manager_file {
        return Ok(Some((of_name(file), file.clone())));
    }
    if let Some(manager) = python.manager {
        return of_manager(context, manager);
    }
    let mut there = USUAL
        .into_iter()
        .filter(|(file, _)| context.source.contains(file));
    let Some((file, form)) = there.next() else {
        return of_project(context);
    };
    let others: Vec<_> = there.map(|(file, _)| format!("`{file}`")).collect();
    if !others.is_empty() {
        draft.warnings.push(format!(
            "`{file}` says what is installed, and not {}; `build.python.manager` chooses",
            others.join(" or ")
        ));
    }
    if form != Form::Requirements {
        draft.why.push(format!("`{file}` says what is installed"));
    }
    Ok(Some((form, file.to_owned())))
}

/// Answers what a file of this name holds.
fn of_name(path: &str) -> Form {
    let name = path.rsplit('/').next().unwrap_or(path);
    let known = USUAL
        .iter()
        .find(|(file, _)| *file == name)
        .map(|(_, form)| *form);
    known.unwrap_or(match name {
        pyproject::FILE => Form::Project,
        // `pylock.NAME.toml` (PEP 751, "File Name").
        name if name.starts_with("pylock.") => Form::Pylock,
        _ => Form::Requirements,
    })
}

fn of_manager(context: Context<'_>, manager: PythonManager) -> Result<Option<(Form, String)>, PlanError> {
    let (file, command) = match manager {
        PythonManager::Pip => ("requirements.txt", None),
        PythonManager::Uv => ("uv.lock", None),
        PythonManager::Poetry => ("poetry.lock", Some("poetry lock")),
        PythonManager::Pdm => ("pdm.lock", Some("pdm lock")),
        PythonManager::Pipenv => ("Pipfile.lock", Some("pipenv lock")),
    };
    match command {
        _ if context.source.contains(file) => Ok(Some((of_name(file), file.to_owned()))),
        Some(command) => Err(unlocked("build.python.manager", file, command)),
        None => of_project(context),
    }
}

fn of_project(context: Context<'_>) -> Result<Option<(Form, String)>, PlanError> {
    let project = pyproject::read(context)?;
    if context.source.contains("Pipfile") {
        return Err(unlocked("Pipfile", "Pipfile.lock", "pipenv lock"));
    }
    match project {
        Some(project) if project.poetry().is_some() && !project.declares() => {
            let table = "[tool.poetry.dependencies]";
            Err(unlocked(table, "poetry.lock", "poetry lock"))
        }
        Some(project) if project.declares() => Ok(Some((Form::Project, pyproject::FILE.to_owned()))),
        _ => Ok(None),
    }
}

fn unlocked(asking: &str, file: &str, command: &str) -> PlanError {
    PlanError::Dependencies {
        message: format!("`{asking}` needs a `{file}`, which there is not"),
        instead: format!("write it: `{command}`"),
    }
}
