//! Cases as tests: each has the name of its case, and all share what they are compared with.

use anyhow::Result;
use libtest_mimic::{Failed, Trial};

use crate::case::Case;

/// Answers a test for each case, which does `compare` with it.
pub fn trials<F>(compare: F) -> Result<Vec<Trial>>
where
    F: Fn(&Case) -> Result<(), Failed> + Clone + Send + 'static,
{
    let trial = |case: Case| {
        let compare = compare.clone();
        Trial::test(case.name.clone(), move || compare(&case))
    };
    Ok(Case::all()?.into_iter().map(trial).collect())
}
