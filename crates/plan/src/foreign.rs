//! Folders that describe themselves in a form that nothing reads yet.

use coracle_spec::Manifest;

use crate::error::PlanError;
use crate::source::Source;

/// Forms that go before detection, with what each is called, in the order of precedence.
const FORMS: [(&str, &str); 5] = [
    (".stackit-functions", "a STACKIT Functions project"),
    ("stackit-functions.yaml", "a STACKIT Functions project"),
    ("funko.yml", "a FaaSO funko"),
    ("stack.yaml", "an OpenFaaS stack"),
    ("stacktape.yml", "a Stacktape project"),
];

/// Refuses a folder that says what it is in a form that would have to win over detection.
///
/// A `coracle.yaml` with anything in it wins over all of them.
pub(crate) fn check(source: &dyn Source, manifest: &Manifest) -> Result<(), PlanError> {
    if !manifest.given().is_empty() {
        return Ok(());
    }
    match FORMS.into_iter().find(|(name, _)| exists(source, name)) {
        None => Ok(()),
        Some((name, form)) => Err(PlanError::NotYet {
            what: format!("building from `{name}` ({form})"),
            instead: "add a `coracle.yaml` that names the runtime, for example `runtime: python`".to_owned(),
        }),
    }
}

fn exists(source: &dyn Source, name: &str) -> bool {
    let beneath = |path: &str| {
        path.strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    source.entries().iter().any(|entry| beneath(&entry.path))
}
