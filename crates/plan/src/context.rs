//! What the compiler is given, in one place.

use coracle_spec::Manifest;

use crate::error::PlanError;
use crate::lock::Lock;
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
