//! What is allowed and unwise.

use coracle_plan::patterns::Patterns;

use super::{Given, planned, refusal};

/// Answers the lines and names of what was found.
fn found(given: &Given) -> Vec<String> {
    let short = |warning: &String| {
        let line = warning
            .split(", line ")
            .nth(1)
            .unwrap()
            .split(':')
            .next()
            .unwrap();
        let rule = warning.rsplit('(').next().unwrap().trim_end_matches(')');
        format!("{line} {rule}")
    };
    given.planned().unwrap().warnings.iter().map(short).collect()
}

fn found_in(text: &str) -> Vec<String> {
    found(&Given::new(text))
}

#[test]
fn each_check_finds_what_it_is_for() {
    for (text, expected) in [
        ("FROM a AS Build\n", vec!["1 StageNameCasing"]),
        ("FROM a as b\n", vec!["1 FromAsCasing"]),
        ("FROM a AS b\nRUN a \\\n\n  b\n", vec!["4 NoEmptyContinuation"]),
        ("FROM a\nRUN b\nenv A=1\n", vec!["3 ConsistentInstructionCasing"]),
        ("from a\nrun b\nEnv A=1\n", vec!["3 ConsistentInstructionCasing"]),
        ("FROM a AS b\nFROM a AS b\n", vec!["2 DuplicateStageName"]),
        ("FROM a AS context\n", vec!["1 ReservedStageName"]),
        ("FROM a\nCMD x\n", vec!["2 JSONArgsRecommended"]),
        ("FROM a\nSHELL [\"s\"]\nCMD x\n", vec![]),
        ("FROM a\nMAINTAINER x\n", vec!["2 MaintainerDeprecated"]),
        ("FROM a$V\n", vec!["1 UndefinedArgInFrom"]),
        ("FROM a\nWORKDIR x\nWORKDIR y\n", vec!["2 WorkdirRelativePath"]),
        ("FROM a\nCOPY $X y\n", vec!["2 UndefinedVar"]),
        ("FROM a\nARG X\nCOPY $X y\n", vec![]),
        (
            "FROM a\nCMD [\"a\"]\nCMD [\"b\"]\n",
            vec!["2 MultipleInstructionsDisallowed"],
        ),
        ("FROM a\nENV A b\n", vec!["2 LegacyKeyValueFormat"]),
        (
            "FROM --platform=$TARGETPLATFORM a\n",
            vec!["1 RedundantTargetPlatform"],
        ),
        ("FROM a\nENV API_KEY=1\n", vec!["2 SecretsUsedInArgOrEnv"]),
        ("FROM a\nARG TOKEN\n", vec!["2 SecretsUsedInArgOrEnv"]),
        ("ARG V\nFROM a:$V\n", vec!["2 InvalidDefaultArgInFrom"]),
        (
            "FROM --platform=linux/amd64 a\n",
            vec!["1 FromPlatformFlagConstDisallowed"],
        ),
        ("FROM --platform=linux/amd64 a AS x-amd64\n", vec![]),
        ("FROM a\nEXPOSE 80/TCP\n", vec!["2 ExposeProtoCasing"]),
        ("FROM a\nEXPOSE 80:80\n", vec!["2 ExposeInvalidFormat"]),
    ] {
        let given = Given::new(text);
        let given = if text.contains("ARG V\n") {
            given.arg("V", "1")
        } else {
            given
        };
        assert_eq!(found(&given), expected, "{text}");
    }
}

#[test]
fn a_description_is_checked_when_the_author_asks() {
    let text = "# something else\nFROM a AS x\n";
    assert!(found_in(text).is_empty());
    let asked = format!("# check=experimental=InvalidDefinitionDescription\n\n{text}");
    assert_eq!(found_in(&asked), ["4 InvalidDefinitionDescription"]);
    assert!(found_in(&asked.replace("something", "x is")).is_empty());
}

#[test]
fn checks_are_skipped_for_the_file_or_for_an_instruction() {
    assert!(found_in("# check=skip=JSONArgsRecommended\nFROM a\nCMD x\n").is_empty());
    assert!(found_in("# check=skip=all\nFROM a AS X\nCMD x\n").is_empty());
    assert!(found_in("FROM a\n# check=skip=JSONArgsRecommended it is fine\nCMD x\n").is_empty());
    assert_eq!(
        found_in("FROM a\n# check=skip=Other\nCMD x\n"),
        ["3 JSONArgsRecommended"]
    );
}

#[test]
fn warnings_are_errors_when_the_author_says_so() {
    insta::assert_snapshot!(refusal("# check=error=true\nFROM a\nCMD x\n"), @r"
    error: `Dockerfile`, line 3: CMD should be a JSON array, so that signals reach the program (JSONArgsRecommended)
      1 | # check=error=true
      2 | FROM a
    > 3 | CMD x
    hint: the comment `check=error=true` makes warnings errors
    ");
}

#[test]
fn a_warning_says_what_and_where() {
    assert_eq!(
        planned("FROM a AS x\nENV VERSION=1\nCOPY $VERSIN /\n").warnings,
        ["`Dockerfile`, line 3: `$VERSIN` is not defined: did you mean `$VERSION`? (UndefinedVar)"]
    );
}

#[test]
fn a_source_that_the_ignore_file_leaves_out_is_a_warning() {
    let mut given = Given::new("FROM a\nCOPY secret/x /\nCOPY . /\nCOPY --from=b secret /\nADD other /\n");
    given.ignore = Some(Patterns::of_ignore_file("secret\n").unwrap());
    assert_eq!(found(&given), ["2 CopyIgnoredFile"]);
    given.ignore = Some(Patterns::of_ignore_file("secret\n!secret/x\n").unwrap());
    assert!(given.planned().unwrap().warnings.is_empty());
    given.ignore = Some(Patterns::of_ignore_file("**\n").unwrap());
    assert_eq!(given.planned().unwrap().warnings.len(), 3);
}
