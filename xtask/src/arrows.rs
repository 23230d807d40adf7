//! The direction of dependencies between the workspace's crates, frozen.
//!
//! A crate exists because it must be testable alone, or must be forbidden something. Here is what each may use; a new
//! arrow is a decision, made by changing this list.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};

use crate::command::cargo_output;
use crate::metadata::{self, Metadata};

/// Each crate and the crates of the workspace that it depends on, without the prefix `coracle-` that all but two have.
const ARROWS: &[(&str, &[&str])] = &[
    ("coracle", &["cli"]),
    ("api", &["outbound", "spec"]),
    (
        "build",
        &[
            "content",
            "debian",
            "distribution",
            "fetch",
            "oci",
            "plan",
            "sandbox",
            "spec",
        ],
    ),
    (
        "buildkit",
        &["build", "content", "dockerfile", "oci", "plan", "spec", "tasks"],
    ),
    (
        "cli",
        &[
            "api",
            "build",
            "buildkit",
            "content",
            "debian",
            "distribution",
            "fetch",
            "gateway",
            "keeper",
            "netns",
            "oci",
            "plan",
            "platform",
            "sandbox",
            "server",
            "spec",
            "tasks",
        ],
    ),
    ("content", &["spec"]),
    ("debian", &["content", "fetch", "oci", "spec"]),
    (
        "distribution",
        &["content", "fetch", "oci", "outbound", "spec", "tasks"],
    ),
    ("dockerfile", &["spec"]),
    (
        "dockerfile-suite",
        &["content", "debian", "fetch", "oci", "peers", "spec"],
    ),
    ("fetch", &["outbound", "spec"]),
    (
        "fuzz",
        &["content", "dockerfile", "oci", "platform", "spec", "tasks"],
    ),
    ("gateway", &["spec", "tasks"]),
    ("keeper", &["netns", "sandbox", "spec"]),
    ("netns", &["spec"]),
    ("oci", &["content", "spec"]),
    ("outbound", &["spec"]),
    ("plan", &["dockerfile", "spec"]),
    (
        "platform",
        &[
            "build", "content", "gateway", "oci", "plan", "sandbox", "scale", "spec", "state", "tasks",
        ],
    ),
    ("registry", &["content", "spec"]),
    ("sandbox", &["netns", "spec", "tasks"]),
    ("scale", &["spec"]),
    (
        "server",
        &[
            "api",
            "content",
            "distribution",
            "gateway",
            "platform",
            "registry",
            "sandbox",
            "spec",
            "state",
            "tasks",
        ],
    ),
    ("spec", &[]),
    ("state", &["spec"]),
    ("tasks", &[]),
    ("testkit", &["sandbox"]),
    ("benches", &["dockerfile-suite", "peers"]),
    ("peers", &[]),
    ("xtask", &["peers"]),
];

/// The crate of the program itself.
const PROGRAM: &str = "coracle";

/// Crates that must not contain a package, directly or not.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("spec", &["tokio", "rustix", "ureq"]),
    ("plan", &["tokio", "rustix", "ureq"]),
    ("dockerfile", &["tokio", "rustix", "ureq"]),
    ("scale", &["tokio", "rustix", "ureq"]),
    ("content", &["tokio"]),
    ("oci", &["tokio"]),
    ("fetch", &["tokio"]),
    ("outbound", &["tokio"]),
    ("debian", &["tokio"]),
    ("coracle", &["openssl-sys", "aws-lc-rs", "native-tls"]),
];

/// Fails with each arrow that is not in the list, or only there.
pub(crate) fn check() -> Result<()> {
    let metadata = metadata::read()?;
    let complaints = [unlisted(&metadata), forbidden()?].concat();
    if !complaints.is_empty() {
        bail!(
            "dependencies differ from `xtask/src/arrows.rs`:\n  {}",
            complaints.join("\n  ")
        );
    }
    eprintln!("arrows: {} crates, all as listed", metadata.members().count());
    Ok(())
}

fn unlisted(metadata: &Metadata) -> Vec<String> {
    let listed: BTreeMap<&str, BTreeSet<&str>> = ARROWS
        .iter()
        .map(|(from, to)| (*from, to.iter().copied().collect()))
        .collect();
    let actual = actual(metadata);
    let names: BTreeSet<&str> = listed.keys().chain(actual.keys()).copied().collect();
    let differs = |name: &&str| listed.get(name) != actual.get(name);
    let complaint = |name: &str| {
        let (found, expected) = (actual.get(name), listed.get(name));
        format!("`{name}` depends on {found:?}, listed is {expected:?}")
    };
    names.into_iter().filter(differs).map(complaint).collect()
}

fn actual(metadata: &Metadata) -> BTreeMap<&str, BTreeSet<&str>> {
    let members: BTreeSet<&str> = metadata.members().map(|member| member.name.as_str()).collect();
    let arrows = |member| {
        let inside = &metadata.dependencies(member) & &members;
        inside.into_iter().map(short).collect()
    };
    metadata
        .members()
        .map(|member| (short(&member.name), arrows(member)))
        .collect()
}

fn full(name: &str) -> String {
    if name == PROGRAM {
        name.to_owned()
    } else {
        format!("coracle-{name}")
    }
}

fn short(name: &str) -> &str {
    name.strip_prefix("coracle-").unwrap_or(name)
}

fn forbidden() -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for (name, packages) in FORBIDDEN {
        let contained = contained(&full(name))?;
        let found = packages.iter().filter(|package| contained.contains(**package));
        complaints.extend(found.map(|package| format!("`{name}` must not contain `{package}`")));
    }
    Ok(complaints)
}

/// Answers the names of all packages that `package` contains when it is compiled alone.
///
/// `cargo metadata` cannot say: it joins the features that the whole workspace asks for.
fn contained(package: &str) -> Result<BTreeSet<String>> {
    let shape = ["tree", "--edges=normal", "--prefix=none", "--format={p}"];
    let text = cargo_output(&[&shape[..], &["--package", package]].concat())?;
    let names = text.lines().filter_map(|line| line.split_whitespace().next());
    Ok(names.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_depend_on_each_other_as_listed_and_contain_nothing_forbidden() {
        check().unwrap();
    }
}
