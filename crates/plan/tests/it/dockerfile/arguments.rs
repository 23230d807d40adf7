//! Variables: where they come from and where they are seen.

use coracle_plan::Arch;

use super::{Given, config, execs, history, line, planned};

#[test]
fn an_argument_before_the_first_stage_is_seen_in_from_alone_until_it_is_declared_again() {
    let text = "ARG V=1\nFROM a:$V\nRUN true\nARG V\nRUN true\n";
    let plan = planned(text);
    assert!(plan.steps[0].name.ends_with("a:1"));
    let execs = execs(&plan);
    assert_eq!(execs[0].env.get("V"), None);
    assert_eq!(execs[1].env["V"], "1");
}

#[test]
fn what_the_build_is_given_goes_before_defaults() {
    let text = "ARG V=1\nFROM a:$V\nARG W=2\nARG V=3\nRUN true\n";
    let plan = Given::new(text).arg("V", "9").arg("W", "8").planned().unwrap();
    assert!(plan.steps[0].name.ends_with("a:9"));
    assert_eq!(execs(&plan)[0].env["V"], "9");
    assert_eq!(execs(&plan)[0].env["W"], "8");
}

#[test]
fn an_argument_is_inherited_by_stages_that_stand_on_its_stage() {
    let text = "FROM a AS one\nARG A=1\nENV E=2\nFROM one\nRUN true\nFROM a\nRUN true\n";
    let of = |stage| Given::new(text).stage(stage).planned().unwrap();
    assert_eq!(execs(&of("1"))[0].env["A"], "1");
    assert_eq!(execs(&of("2"))[0].env.get("A"), None);
    assert_eq!(history(&of("1"))[2], "RUN |1 A=1 /bin/sh -c true # buildkit");
}

#[test]
fn the_history_shows_each_argument_once_with_its_value_at_that_time() {
    let text = "FROM scratch\nARG B=1\nARG A\nARG B=2\nENV A=env\nRUN [\"x\"]\n";
    assert_eq!(
        history(&planned(text)),
        [
            "ARG B=1",
            "ARG A",
            "ARG B=2",
            "ENV A=env",
            "RUN |2 B=2 A=env x # buildkit"
        ]
    );
}

#[test]
fn env_goes_before_arg_when_it_is_later_and_args_stay_out_of_the_image() {
    let plan = planned("FROM scratch\nARG A=1\nENV B=$A\nRUN true\n");
    assert_eq!(config(&plan).env.get("A"), None);
    assert_eq!(config(&plan).env.get("B"), Some("1"));
}

#[test]
fn one_env_replaces_variables_by_what_they_were_before_it() {
    let plan = planned("FROM scratch\nENV abc=hello\nENV abc=bye def=$abc\nENV ghi=$abc\n");
    let env = &config(&plan).env;
    assert_eq!(
        (env.get("abc"), env.get("def"), env.get("ghi")),
        (Some("bye"), Some("hello"), Some("bye"))
    );
}

#[test]
fn platforms_are_known_before_the_first_stage_and_declared_in_stages() {
    let text = "FROM --platform=$BUILDPLATFORM a AS x\nARG TARGETARCH BUILDARCH TARGETPLATFORM TARGETVARIANT TARGETOS\nRUN true\n";
    let plan = Given::new(text)
        .target(Arch::Arm64, Arch::Amd64)
        .planned()
        .unwrap();
    let env = &execs(&plan)[0].env;
    assert_eq!(env["TARGETARCH"], "arm64");
    assert_eq!(env["BUILDARCH"], "amd64");
    assert_eq!(env["TARGETPLATFORM"], "linux/arm64");
    assert_eq!(env["TARGETVARIANT"], "");
    assert_eq!(env["TARGETOS"], "linux");
}

#[test]
fn variables_have_modifiers() {
    for (word, value) in [
        ("${A:-x}", "1"),
        ("${N:-x}", "x"),
        ("${A:+x}", "x"),
        ("${N:+x}", ""),
        ("$A$B", "12"),
        ("\\$A", "$A"),
        ("'$A'", "$A"),
        ("\"$A\"", "1"),
        ("${P#*/}", "b/c"),
        ("${P##*/}", "c"),
        ("${P%/*}", "a/b"),
        ("${P/b/x}", "a/x/c"),
        ("${N:-${A}}", "1"),
    ] {
        let plan = planned(&format!("FROM scratch\nENV A=1 B=2 P=a/b/c\nLABEL l={word}\n"));
        assert_eq!(config(&plan).labels["l"], value, "{word}");
    }
}

#[test]
fn commands_are_left_to_their_shell() {
    assert_eq!(line("FROM a\nENV A=1\nRUN echo $A \"$A\"\n"), "echo $A \"$A\"");
}

#[test]
fn proxies_reach_commands_without_keys_or_history() {
    let plan = Given::new("FROM a\nRUN true\n")
        .arg("http_proxy", "http://p")
        .planned()
        .unwrap();
    let exec = execs(&plan)[0];
    assert_eq!(exec.proxies["HTTP_PROXY"], "http://p");
    assert_eq!(exec.proxies["http_proxy"], "http://p");
    assert!(!exec.env.contains_key("http_proxy"));
    assert_eq!(history(&plan), ["RUN /bin/sh -c true # buildkit"]);
    assert!(!serde_json::to_string(&plan.steps).unwrap().contains("http://p"));
    assert!(plan.warnings.is_empty());
}

#[test]
fn an_argument_that_nothing_declares_is_a_warning() {
    let plan = Given::new("FROM scratch\n")
        .arg("VERSION", "1")
        .arg("BUILDKIT_SYNTAX", "x")
        .planned()
        .unwrap();
    assert_eq!(
        plan.warnings,
        ["no ARG of `Dockerfile` takes what the build is given as `VERSION`"]
    );
}
