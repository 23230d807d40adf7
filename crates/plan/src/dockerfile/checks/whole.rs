//! Checks that look at the file alone, before anything is planned.

use std::collections::BTreeSet;

use coracle_dockerfile::instruction::Instruction;
use coracle_dockerfile::{Dockerfile, Lines, Stage};

use super::{Checks, comments_above};

/// Looks at a file.
pub(in crate::dockerfile) fn check(file: &Dockerfile, checks: &mut Checks<'_>) {
    for warning in &file.warnings {
        checks.report(warning.rule, warning.lines, warning.message.clone());
    }
    let mut names = BTreeSet::new();
    for stage in &file.stages {
        of_stage(stage, &mut names, checks);
    }
    casing(file, checks);
    descriptions(file, checks);
}

fn of_stage(stage: &Stage, names: &mut BTreeSet<String>, checks: &mut Checks<'_>) {
    let words: Vec<&str> = stage.text.split_whitespace().collect();
    if let (Some(name), [keyword, .., sign, written]) = (&stage.name, words.as_slice()) {
        let name_is = |message: String| format!("stage name `{written}` {message}");
        if name != written {
            checks.report(
                "StageNameCasing",
                stage.lines,
                name_is("should be lower case".to_owned()),
            );
        }
        let is_lower = is_lower(keyword);
        if (is_lower && !self::is_lower(sign)) || (is_upper(keyword) && !is_upper(sign)) {
            let message = format!("the casing of `{sign}` and `{keyword}` does not match");
            checks.report("FromAsCasing", stage.lines, message);
        }
        if matches!(name.as_str(), "context" | "scratch") {
            checks.report(
                "ReservedStageName",
                stage.lines,
                name_is("is a reserved word".to_owned()),
            );
        }
        if !names.insert(name.clone()) {
            checks.report(
                "DuplicateStageName",
                stage.lines,
                name_is("is there twice".to_owned()),
            );
        }
    }
    for located in &stage.instructions {
        if matches!(located.instruction, Instruction::Maintainer(_)) {
            let message = "MAINTAINER is deprecated: use a label".to_owned();
            checks.report("MaintainerDeprecated", located.lines, message);
        }
    }
}

fn is_lower(word: &str) -> bool {
    word == word.to_lowercase()
}

fn is_upper(word: &str) -> bool {
    word == word.to_uppercase()
}

/// Answers an instruction's name as it is written.
pub(in crate::dockerfile) fn keyword(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

/// Reports instructions that are not written as most are, in upper or in lower case.
fn casing(file: &Dockerfile, checks: &mut Checks<'_>) {
    let words: Vec<(&str, Lines)> = file
        .stages
        .iter()
        .flat_map(|stage| {
            let own = stage
                .instructions
                .iter()
                .map(|located| (located.text.as_str(), located.lines));
            std::iter::once((stage.text.as_str(), stage.lines)).chain(own)
        })
        .map(|(text, lines)| (keyword(text), lines))
        .collect();
    let lower = words.iter().filter(|(word, _)| is_lower(word)).count();
    let upper = words.iter().filter(|(word, _)| is_upper(word)).count();
    let (usual, fits): (_, fn(&str) -> bool) = if lower > upper {
        ("lower", is_lower)
    } else {
        ("upper", is_upper)
    };
    for (word, lines) in words.iter().filter(|(word, _)| !fits(word)) {
        let message = format!("`{word}` should be {usual} case like most instructions");
        checks.report("ConsistentInstructionCasing", *lines, message);
    }
}

/// Reports comments above stages and arguments that do not begin with what they describe.
fn descriptions(file: &Dockerfile, checks: &mut Checks<'_>) {
    for stage in &file.stages {
        if let Some(name) = &stage.name {
            description("FROM", &[name], stage.lines, checks);
        }
        for located in &stage.instructions {
            if let Instruction::Arg(arguments) = &located.instruction {
                let names: Vec<&str> = arguments.iter().map(|argument| argument.name.as_str()).collect();
                description("ARG", &names, located.lines, checks);
            }
        }
    }
    for line in &file.arguments {
        let names: Vec<&str> = line
            .arguments
            .iter()
            .map(|argument| argument.name.as_str())
            .collect();
        description("ARG", &names, line.lines, checks);
    }
}

fn description(instruction: &str, names: &[impl AsRef<str>], lines: Lines, checks: &mut Checks<'_>) {
    let comments = comments_above(checks.input.text, lines.first);
    let Some(first) = comments.first().map(|comment| keyword(comment)) else {
        return;
    };
    if !first.contains('=') && !names.iter().any(|name| name.as_ref() == first) {
        let name = names.first().map(AsRef::as_ref).unwrap_or_default();
        let message = format!("the comment above {instruction} should be `# {name} DESCRIPTION`");
        checks.report("InvalidDefinitionDescription", lines, message);
    }
}
