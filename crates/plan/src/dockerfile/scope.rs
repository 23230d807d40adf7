//! Variables before the first stage, and those that everybody has (Dockerfile reference, "Automatic platform ARGs in
//! the global scope").

use std::collections::BTreeMap;

use coracle_dockerfile::word::{Expanded, Rules, expand};
use coracle_dockerfile::{Dockerfile, Lines};

use super::Input;
use super::error::Wrong;
use super::platform;

/// Variables and their values.
pub(super) type Variables = BTreeMap<String, String>;

/// Proxies, which commands get without anybody declaring them (Dockerfile reference, "Predefined ARGs").
pub(super) const PROXIES: [&str; 5] = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];

/// Replaces the variables in an argument of an instruction.
pub(super) fn expanded(text: &str, escape: char, variables: &Variables) -> Result<Expanded, Wrong> {
    let value = |name: &str| variables.get(name).cloned();
    Ok(expand(text, Rules::of_arguments(escape), &value)?)
}

/// Answers what everybody has: what the image is for and where it is built.
pub(super) fn predefined(input: &Input<'_>, last_stage: Option<&str>) -> Variables {
    let (host, target) = (input.target.host, input.target.arch);
    let stage = input.stage.or(last_stage).filter(|name| !name.is_empty());
    let values = [
        ("BUILDPLATFORM", platform::name(host)),
        ("BUILDOS", platform::OS.to_owned()),
        ("BUILDOSVERSION", String::new()),
        ("BUILDARCH", host.name().to_owned()),
        ("BUILDVARIANT", String::new()),
        ("TARGETPLATFORM", platform::name(target)),
        ("TARGETOS", platform::OS.to_owned()),
        ("TARGETOSVERSION", String::new()),
        ("TARGETARCH", target.name().to_owned()),
        ("TARGETVARIANT", String::new()),
        ("TARGETSTAGE", stage.unwrap_or("default").to_owned()),
    ];
    let given = |(name, value): (&str, String)| {
        let value = input.args.get(name).cloned().unwrap_or(value);
        (name.to_owned(), value)
    };
    values.into_iter().map(given).collect()
}

/// Adds what the file says before its first stage. `given` goes before its defaults.
pub(super) fn global(
    file: &Dockerfile,
    given: &BTreeMap<String, String>,
    mut variables: Variables,
) -> Result<Variables, (Wrong, Lines)> {
    for line in &file.arguments {
        for argument in &line.arguments {
            let value = match (given.get(&argument.name), &argument.default) {
                (Some(value), _) => Some(value.clone()),
                (None, Some(default)) => {
                    let expanded = expanded(default, file.escape, &variables);
                    Some(expanded.map_err(|wrong| (wrong, line.lines))?.text)
                }
                (None, None) => None,
            };
            variables.extend(value.map(|value| (argument.name.clone(), value)));
        }
    }
    Ok(variables)
}

/// Answers the proxies among the build's arguments, in both spellings that programs look at.
pub(super) fn proxies(args: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let named = args.iter().filter_map(|(name, value)| {
        let known = PROXIES.iter().find(|known| known.eq_ignore_ascii_case(name))?;
        (!value.is_empty()).then_some([
            ((*known).to_owned(), value.clone()),
            (known.to_ascii_lowercase(), value.clone()),
        ])
    });
    named.flatten().collect()
}
