//! The first page of help: verbs in groups, and the environment variables.
//!
//! `clap` lists subcommands as one column; groups tell a newcomer where to begin. The one-line descriptions still come
//! from the verbs themselves, so they cannot drift.

use std::fmt::Write;

use clap::{Command, CommandFactory};

use crate::args::Cli;
use crate::settings::variables;

const TEMPLATE: &str = "\
{about}

{usage-heading} {usage}

{before-help}Options:
{options}{after-help}";

const GROUPS: &[(&str, &[&str])] = &[
    (
        "Develop",
        &[
            "new", "dev", "up", "plan", "build", "export", "image", "registry", "base", "cache", "runtimes",
        ],
    ),
    ("Serve", &["serve", "login", "secret", "doctor"]),
    (
        "Use",
        &[
            "deploy",
            "ls",
            "describe",
            "revisions",
            "rollback",
            "scale",
            "invoke",
            "logs",
            "rm",
        ],
    ),
    ("Install", &["completions", "man"]),
];

/// Answers the command line's definition with its first page laid out.
pub(crate) fn command() -> Command {
    let command = Cli::command();
    let verbs = verbs(&command);
    command
        .help_template(TEMPLATE)
        .override_usage("coracle VERB [OPTIONS]")
        .before_help(verbs)
        .after_long_help(environment())
        .after_help("`coracle VERB --help` says more about a verb, `coracle --help` about the environment.")
}

fn verbs(command: &Command) -> String {
    let mut text = String::new();
    for (group, names) in GROUPS {
        let _ = writeln!(text, "{group}:");
        for verb in names.iter().filter_map(|name| command.find_subcommand(name)) {
            let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "  {:<11} {about}", verb.get_name());
        }
        text.push('\n');
    }
    text
}

fn environment() -> String {
    let mut text = "Environment:\n".to_owned();
    for variable in variables::ALL
        .iter()
        .filter(|variable| !variable.meaning.is_empty())
    {
        let _ = writeln!(text, "  {}\n          {}", variable.name, variable.meaning);
    }
    text.push_str("\nExit codes: 0 done, 1 your input, 2 usage, 70 a defect of coracle, 75 try again.");
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_verb_is_in_one_group_and_each_group_holds_verbs_only() {
        let grouped: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, verbs)| verbs.iter().copied())
            .collect();
        let command = Cli::command();
        let known: BTreeSet<&str> = command.get_subcommands().map(Command::get_name).collect();
        assert_eq!(grouped.iter().copied().collect::<BTreeSet<_>>(), known);
        assert_eq!(grouped.len(), known.len());
    }

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_description_is_short_and_written_alike() {
        for verb in Cli::command().get_subcommands() {
            let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
            assert!((1..=60).contains(&about.len()), "{}: {about:?}", verb.get_name());
            assert!(!about.ends_with('.'), "{}: {about:?}", verb.get_name());
        }
    }
}
