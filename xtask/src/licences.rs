//! Licences: everything that ends up in the program is under one that `deny.toml` allows.
//!
//! `cargo deny check` reads the same file and checks more; compiling it takes longer than all of the tests, so the part
//! that must never be forgotten is done here.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use spdx::Expression;
use spdx::{LicenseReq, ParseMode};

use crate::metadata::{self, Package};

const DENY: &str = include_str!("../../deny.toml");

/// The part of `deny.toml` that is read here (cargo-deny's documentation, "licenses").
#[derive(Deserialize)]
struct Deny {
    licenses: Licenses,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
    #[serde(default)]
    clarify: Vec<Clarification>,
}

/// Licences allowed for one package only.
#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    package: String,
    allow: Vec<String>,
}

/// The licence of a package that names none itself.
#[derive(Deserialize)]
struct Clarification {
    #[serde(rename = "crate")]
    package: String,
    expression: String,
}

impl Licenses {
    fn terms<'a>(&'a self, package: &'a Package) -> Option<&'a str> {
        let clarified = self.clarify.iter().find(|entry| entry.package == package.name);
        let expression = clarified.map(|entry| &entry.expression);
        expression.or(package.license.as_ref()).map(String::as_str)
    }

    fn allows(&self, package: &Package) -> bool {
        let exception = self.exceptions.iter().find(|entry| entry.package == package.name);
        let more = exception.map_or(&[][..], |entry| &entry.allow);
        self.terms(package)
            .is_some_and(|expression| permits(expression, &[&self.allow, more].concat()))
    }
}

/// Fails with each package whose licence is not allowed.
pub(crate) fn check() -> Result<()> {
    let Deny { licenses } = toml::from_str(DENY).context("cannot read `deny.toml`")?;
    let metadata = metadata::read()?;
    let packages = metadata.packages.iter();
    let refused: Vec<String> = packages
        .filter(|package| !licenses.allows(package))
        .map(|package| {
            let terms = licenses.terms(package).unwrap_or("no licence given");
            format!("{} {}: {terms}", package.name, package.version)
        })
        .collect();
    if !refused.is_empty() {
        bail!(
            "licences that `deny.toml` does not allow:\n  {}",
            refused.join("\n  ")
        );
    }
    eprintln!("licences: {} packages, all allowed", metadata.packages.len());
    Ok(())
}

/// Answers whether the terms of an SPDX expression (specification, annex D) can be met with the allowed licences.
fn permits(expression: &str, allowed: &[String]) -> bool {
    let is_met = |requirement: &LicenseReq| allowed.contains(&requirement.to_string());
    Expression::parse_mode(expression, ParseMode::LAX).is_ok_and(|expression| expression.evaluate(is_met))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dependency_is_under_an_allowed_licence() {
        check().unwrap();
    }

    #[test]
    fn terms_are_met_by_one_side_of_or_and_by_both_of_and() {
        let allowed = ["MIT".to_owned(), "Unicode-3.0".to_owned()];
        for (expression, expected) in [
            ("MIT", true),
            ("MIT OR GPL-3.0", true),
            ("MIT/Apache-2.0", true),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
            ("MIT AND GPL-3.0", false),
            ("GPL-3.0", false),
            ("no licence at all", false),
        ] {
            assert_eq!(permits(expression, &allowed), expected, "{expression}");
        }
    }
}
