//! A check of what stages stand on when nobody gives the build any variables.

use std::collections::BTreeMap;

use coracle_dockerfile::Dockerfile;
use coracle_spec::ImageRef;

use super::super::scope::{self, Variables};
use super::Checks;

/// Reports bases that are none with the defaults of their variables.
pub(in crate::dockerfile) fn check(file: &Dockerfile, predefined: &Variables, checks: &mut Checks<'_>) {
    // A default that cannot be read is an error, which planning finds.
    let Ok(variables) = scope::global(file, &BTreeMap::new(), predefined.clone()) else {
        return;
    };
    for stage in &file.stages {
        let Ok(base) = scope::expanded(&stage.base, file.escape, &variables) else {
            return;
        };
        if base.text.parse::<ImageRef>().is_err() {
            let message = format!(
                "the default of a variable makes `{}` no name of an image",
                stage.base
            );
            checks.report("InvalidDefaultArgInFrom", stage.lines, message);
        }
    }
}
