//! `pyproject.toml`: the dependencies that a project declares (PEP 621).

use serde::Deserialize;

use crate::context::Context;
use crate::error::PlanError;

const FILE: &str = "pyproject.toml";

#[derive(Debug, Default, Deserialize)]
struct Document {
    project: Option<Project>,
    tool: Option<toml::Table>,
}

#[derive(Debug, Default, Deserialize)]
struct Project {
    #[serde(default)]
    dependencies: Vec<String>,
}

/// Answers the requirements that the project declares, and nothing when it declares none.
pub(super) fn dependencies(context: Context<'_>) -> Result<Option<Vec<String>>, PlanError> {
    let Some(text) = context.text(FILE)? else {
        return Ok(None);
    };
    let document: Document = toml::from_str(&text).map_err(|error| broken(&text, &error))?;
    match (document.project, document.tool) {
        (Some(project), _) => Ok(Some(project.dependencies)),
        (None, Some(tool))
            if tool
                .get("poetry")
                .is_some_and(|poetry| poetry.get("dependencies").is_some()) =>
        {
            Err(PlanError::NotYet {
                what: format!("`[tool.poetry.dependencies]` in `{FILE}`"),
                instead:
                    "declare them in `[project]`, or write them out: `poetry export -o requirements.txt`"
                        .to_owned(),
            })
        }
        (None, _) => Ok(None),
    }
}

fn broken(text: &str, error: &toml::de::Error) -> PlanError {
    let before = error
        .span()
        .and_then(|span| text.get(..span.start))
        .unwrap_or_default();
    PlanError::Broken {
        path: FILE.to_owned(),
        line: before.matches('\n').count() + 1,
        message: error.message().to_owned(),
    }
}
