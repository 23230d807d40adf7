//! Bases: stages, images, and what waits in them.

use coracle_plan::{Arch, Known, Op, Planned};
use coracle_spec::image::{Environment, RunConfig};

use super::{Given, config, execs, history, planned};

fn wants(text: &str) -> Vec<String> {
    match Given::new(text).once(&Known::new()).unwrap() {
        Planned::Complete(_) => Vec::new(),
        Planned::Wants(wants) => wants
            .keys()
            .map(|wanted| format!("{} {}", wanted.reference.familiar_name(), wanted.arch.name()))
            .collect(),
    }
}

#[test]
fn only_images_that_the_target_needs_are_wanted() {
    let text = "FROM a AS one\nFROM b AS two\nFROM c\nCOPY --from=one / /\nCOPY --from=d:1 / /\nRUN --mount=from=e true\n";
    assert_eq!(
        wants(text),
        ["a:latest amd64", "c:latest amd64", "d:1 amd64", "e:latest amd64"]
    );
    assert!(wants("FROM scratch\n").is_empty());
}

#[test]
fn an_image_is_wanted_for_the_platform_that_its_stage_names() {
    assert_eq!(wants("FROM --platform=linux/arm64 a\n"), ["a:latest arm64"]);
    assert_eq!(wants("FROM --platform=$BUILDPLATFORM a\n"), ["a:latest amd64"]);
}

#[test]
fn an_image_of_several_stages_is_one_step() {
    let plan = planned("FROM a AS one\nRUN true\nFROM a\nCOPY --from=one / /\nCOPY --from=a / /b\n");
    let images = plan.steps.iter().filter(|step| matches!(step.op, Op::Image(_)));
    assert_eq!(images.count(), 1);
}

#[test]
fn what_the_base_says_is_kept() {
    let base = RunConfig {
        user: "app".to_owned(),
        working_dir: "/srv/".to_owned(),
        env: [("PATH", "/own"), ("A", "1")]
            .into_iter()
            .collect::<Environment>(),
        ..RunConfig::default()
    };
    let plan = Given::new("FROM a\nRUN true\nENV A=2 B=$A\n")
        .image("a:latest", base)
        .planned()
        .unwrap();
    let exec = execs(&plan)[0];
    assert_eq!((exec.user.as_str(), exec.workdir.as_str()), ("app", "/srv"));
    assert_eq!(exec.env["PATH"], "/own");
    let env: Vec<_> = config(&plan).env.iter().collect();
    assert_eq!(env, [("PATH", "/own"), ("A", "2"), ("B", "1")]);
}

#[test]
fn a_base_without_a_path_gets_the_usual_one() {
    let plan = planned("FROM a\nRUN true\n");
    assert!(execs(&plan)[0].env["PATH"].starts_with("/usr/local/sbin:"));
    assert!(config(&plan).env.get("PATH").is_some());
}

#[test]
fn triggers_of_an_image_run_first_and_are_gone_then() {
    let base = RunConfig {
        on_build: vec![
            "ENV A=1".to_owned(),
            "RUN echo $A".to_owned(),
            "COPY --from=extra /x /".to_owned(),
        ],
        ..RunConfig::default()
    };
    let given = Given::new("FROM a\nRUN second\n").image("a:latest", base);
    let plan = given.planned().unwrap();
    assert_eq!(
        history(&plan),
        [
            "ENV A=1",
            "RUN /bin/sh -c echo $A # buildkit",
            "COPY /x / # buildkit",
            "RUN /bin/sh -c second # buildkit"
        ]
    );
    assert!(config(&plan).on_build.is_empty());
    assert!(plan.steps.iter().any(|step| step.name == "FROM extra:latest"));
}

#[test]
fn triggers_of_a_stage_run_in_the_stage_on_it_and_not_in_its_children() {
    let text = "FROM scratch AS a\nONBUILD ENV X=1\nFROM a AS b\nENV Y=2\nFROM b\nENV Z=3\n";
    let of = |stage| Given::new(text).stage(stage).planned().unwrap();
    assert_eq!(history(&of("b")), ["ENV X=1", "ENV Y=2"]);
    assert_eq!(history(&of("2")), ["ENV X=1", "ENV Y=2", "ENV Z=3"]);
    assert_eq!(config(&of("a")).on_build, ["ENV X=1"]);
    assert!(config(&of("b")).on_build.is_empty());
}

#[test]
fn a_trigger_may_be_a_here_document() {
    let text = "FROM a AS one\nONBUILD RUN <<EOF\necho 1\nEOF\nFROM one\n";
    assert_eq!(execs(&planned(text))[0].command[2], "echo 1\n");
}

#[test]
fn a_stage_named_like_an_image_stands_on_the_image() {
    let plan = planned("FROM a AS a\nRUN true\n");
    assert_eq!(plan.steps[0].name, "FROM a:latest");
    let later = planned("FROM b AS a\nRUN true\nFROM a\nRUN true\n");
    assert_eq!(later.image.layers.len(), 3);
}

#[test]
fn a_stage_for_other_processors_is_fine_until_it_runs_something() {
    let given = |text| Given::new(text).target(Arch::Arm64, Arch::Amd64);
    let plan = given("FROM --platform=$BUILDPLATFORM go AS b\nRUN build\nFROM a\nCOPY --from=b /x /x\n");
    let plan = plan.planned().unwrap();
    assert_eq!(plan.image.document.as_ref().unwrap().architecture, "arm64");
    assert!(given("FROM a\nRUN true\n").planned().is_err());
}
