//! Values that the build is given and nothing takes.

use std::collections::BTreeSet;

use coracle_dockerfile::Dockerfile;
use coracle_dockerfile::instruction::Instruction;

use super::Input;
use super::graph::Graph;
use super::scope::{self, PROXIES};

/// Answers a warning of the variables that the file does not declare.
pub(super) fn arguments(file: &Dockerfile, graph: &Graph, input: &Input<'_>) -> Option<String> {
    let own = graph.stages.iter().flat_map(|stage| &stage.commands);
    let own = own.filter_map(|command| match &command.instruction {
        Instruction::Arg(arguments) => Some(arguments),
        _ => None,
    });
    let before = file.arguments.iter().map(|line| &line.arguments);
    let declared: BTreeSet<&str> = own
        .chain(before)
        .flatten()
        .map(|argument| argument.name.as_str())
        .collect();
    let predefined = scope::predefined(input, None);
    let is_taken = |name: &str| {
        declared.contains(name)
            || predefined.contains_key(name)
            || name.starts_with("BUILDKIT_")
            || name == "SOURCE_DATE_EPOCH"
            || PROXIES.iter().any(|proxy| proxy.eq_ignore_ascii_case(name))
    };
    let unused: Vec<String> = input
        .args
        .keys()
        .filter(|name| !is_taken(name))
        .map(|name| format!("`{name}`"))
        .collect();
    (!unused.is_empty()).then(|| {
        format!(
            "no ARG of `{}` takes what the build is given as {}",
            input.name,
            unused.join(", ")
        )
    })
}
