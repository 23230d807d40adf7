//! How the image is run.

use coracle_spec::image::{Healthcheck, RunConfig};

use super::{Given, config, history, planned};

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn commands_are_run_by_a_shell_unless_they_are_json() {
    let plan =
        planned("FROM scratch\nSHELL [\"/bin/bash\", \"-ec\"]\nCMD echo $A\nENTRYPOINT [\"/e\", \"x\"]\n");
    assert_eq!(config(&plan).cmd, Some(words(&["/bin/bash", "-ec", "echo $A"])));
    assert_eq!(config(&plan).entrypoint, Some(words(&["/e", "x"])));
    assert_eq!(
        history(&plan),
        [
            "SHELL [/bin/bash -ec]",
            "CMD [\"/bin/bash\" \"-ec\" \"echo $A\"]",
            "ENTRYPOINT [\"/e\" \"x\"]"
        ]
    );
    assert_eq!(plan.image.command, ["/bin/bash", "-ec", "echo $A"]);
}

#[test]
fn an_entrypoint_forgets_the_command_of_the_base_but_not_the_stages_own() {
    let base = RunConfig {
        cmd: Some(words(&["base"])),
        ..RunConfig::default()
    };
    let of = |text| {
        Given::new(text)
            .image("a:latest", base.clone())
            .planned()
            .unwrap()
    };
    assert_eq!(config(&of("FROM a\nENTRYPOINT [\"e\"]\n")).cmd, None);
    assert_eq!(
        config(&of("FROM a\nCMD [\"c\"]\nENTRYPOINT [\"e\"]\n")).cmd,
        Some(words(&["c"]))
    );
    assert_eq!(
        config(&of("FROM a\nENTRYPOINT [\"e\"]\nCMD [\"c\"]\n")).cmd,
        Some(words(&["c"]))
    );
    assert_eq!(config(&of("FROM a\nRUN true\n")).cmd, Some(words(&["base"])));
}

#[test]
fn an_empty_command_is_none() {
    let plan = planned("FROM scratch\nCMD []\nENTRYPOINT []\n");
    assert_eq!((&config(&plan).cmd, &config(&plan).entrypoint), (&None, &None));
}

#[test]
fn working_directories_follow_each_other() {
    let plan = planned("FROM scratch\nENV D=x\nWORKDIR /a\nWORKDIR b/$D\nWORKDIR ../c\n");
    assert_eq!(config(&plan).working_dir, "/a/b/c");
    let document = plan.image.document.as_ref().unwrap();
    let layers = document.history.iter().filter(|entry| !entry.empty_layer).count();
    assert_eq!((layers, plan.image.layers.len()), (3, 3));
}

#[test]
fn the_root_as_working_directory_makes_no_layer() {
    assert!(planned("FROM scratch\nWORKDIR /\n").image.layers.is_empty());
}

#[test]
fn health_checks_have_a_command_and_a_schedule() {
    let health = |text: &str| {
        config(&planned(&format!("FROM scratch\n{text}\n")))
            .healthcheck
            .clone()
            .unwrap()
    };
    assert_eq!(
        health(
            "HEALTHCHECK --interval=1m30s --timeout=500ms --start-period=2s --start-interval=1s --retries=3 CMD curl x"
        ),
        Healthcheck {
            test: words(&["CMD-SHELL", "curl x"]),
            interval: 90_000_000_000,
            timeout: 500_000_000,
            start_period: 2_000_000_000,
            start_interval: 1_000_000_000,
            retries: 3,
        }
    );
    assert_eq!(health("HEALTHCHECK CMD [\"a\", \"b\"]").test, ["CMD", "a", "b"]);
    assert_eq!(health("HEALTHCHECK NONE").test, ["NONE"]);
    assert_eq!(
        history(&planned("FROM scratch\nHEALTHCHECK --interval=5s CMD [\"a\"]\n")),
        ["HEALTHCHECK {Test:[CMD a] Interval:5s Timeout:0s StartPeriod:0s StartInterval:0s Retries:0}"]
    );
}

#[test]
fn ports_are_exposed_with_protocols_ranges_and_variables() {
    let plan = planned("FROM scratch\nARG P=\"80 81/udp\"\nEXPOSE 8000-8002 $P\n");
    let names: Vec<_> = config(&plan).exposed_ports.keys().cloned().collect();
    assert_eq!(names, ["80/tcp", "8000/tcp", "8001/tcp", "8002/tcp", "81/udp"]);
    assert_eq!(
        history(&plan)[1],
        "EXPOSE [80/tcp 81/udp 8000/tcp 8001/tcp 8002/tcp]"
    );
}

#[test]
fn the_port_is_the_first_of_tcp_else_the_lowest_of_the_base_else_the_usual_one() {
    let mut base = RunConfig::default();
    for name in ["9000/tcp", "443/tcp", "53/udp"] {
        base.exposed_ports
            .insert(name.to_owned(), coracle_spec::image::Empty {});
    }
    let port = |text: &str| {
        let given = Given::new(text).image("a:latest", base.clone());
        given.planned().unwrap().image.port
    };
    assert_eq!(port("FROM scratch\n"), 8080);
    assert_eq!(
        port("FROM scratch\nEXPOSE 53/udp\nEXPOSE 3000\nEXPOSE 80\n"),
        3000
    );
    assert_eq!(port("FROM a\n"), 443);
    assert_eq!(port("FROM a\nEXPOSE 3000\n"), 3000);
}

#[test]
fn labels_users_volumes_signals_and_authors_are_kept() {
    let plan = planned(
        "FROM scratch\nENV U=app\nLABEL a=1 \"b c\"=\"d e\"\nUSER $U:0\nVOLUME /a /b\nVOLUME [\"/c d\"]\n\
         STOPSIGNAL SIGQUIT\nMAINTAINER me <me@x>\nONBUILD RUN true\n",
    );
    let own = config(&plan);
    assert_eq!(
        (own.labels["a"].as_str(), own.labels["b c"].as_str()),
        ("1", "d e")
    );
    assert_eq!(
        (own.user.as_str(), own.stop_signal.as_str()),
        ("app:0", "SIGQUIT")
    );
    assert_eq!(own.volumes.keys().collect::<Vec<_>>(), ["/a", "/b", "/c d"]);
    assert_eq!(own.on_build, ["RUN true"]);
    assert_eq!(plan.image.document.as_ref().unwrap().author, "me <me@x>");
    assert_eq!(
        history(&plan)[1..],
        [
            "LABEL a=1 b c=d e",
            "USER app:0",
            "VOLUME [/a /b]",
            "VOLUME [/c d]",
            "STOPSIGNAL SIGQUIT",
            "MAINTAINER me <me@x>"
        ]
    );
}

#[test]
fn labels_of_the_build_go_before_the_files() {
    let mut given = Given::new("FROM scratch\nLABEL a=1 b=2\n");
    given.labels.insert("a".to_owned(), "x".to_owned());
    let plan = given.planned().unwrap();
    assert_eq!(plan.image.labels["a"], "x");
    assert_eq!(config(&plan).labels["b"], "2");
}
