//! What the compiler is given, in one place.

use coracle_spec::Manifest;

use crate::error::PlanError;
use crate::lock::Lock;
use crate::op::Version;
use crate::source::Source;
use crate::target::Target;

/// What the compiler is given.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) source: &'a dyn Source,
    pub(crate) manifest: &'a Manifest,
    pub(crate) lock: &'a Lock,
    pub(crate) target: &'a Target,
}

impl Context<'_> {
    /// Answers the version of a tool that the lock file pins for a request, else the newest that fits it.
    pub(crate) fn newest(&self, package: &str, request: &str) -> Version {
        match self.lock.tool(package, request) {
            None => Version::Newest(request.to_owned()),
            Some(tool) => Version::Exact {
                version: tool.version.clone(),
                integrity: tool.integrity.clone(),
                path: tool.path.clone(),
            },
        }
    }

    /// Answers the text of the file at `path`, and nothing when there is no such file.
    pub(crate) fn text(&self, path: &str) -> Result<Option<String>, PlanError> {
        let Some(bytes) = self.source.read(path)? else {
            return Ok(None);
        };
        let text = String::from_utf8(bytes).map_err(|_| PlanError::NotText {
            path: path.to_owned(),
        })?;
        Ok(Some(
            text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text),
        ))
    }

    /// Answers the text of the file at `path`, which `named_by` says exists.
    pub(crate) fn named_text(&self, path: &str, named_by: &str) -> Result<String, PlanError> {
        let missing = || PlanError::Missing {
            path: path.to_owned(),
            named_by: named_by.to_owned(),
        };
        self.text(path)?.ok_or_else(missing)
    }
}
