//! `doctor`: what it finds on a machine that runs these tests, and on one that cannot.

use serde_json::Value;

use crate::machine::Machine;

fn findings(machine: &Machine, settings: &[(&str, &str)]) -> (Option<i32>, Vec<Value>) {
    let mut doctor = machine.command(&["doctor", "--json"]);
    let output = doctor.envs(settings.iter().copied()).output().unwrap();
    let findings = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), findings)
}

fn state<'a>(findings: &'a [Value], check: &str) -> &'a Value {
    let finding = findings.iter().find(|finding| finding["check"] == check);
    finding.unwrap_or_else(|| panic!("nobody looked at {check}"))
}

#[test]
fn a_machine_that_runs_functions_is_found_well() {
    let (code, findings) = findings(&Machine::shared(), &[]);
    for check in [
        "privileges",
        "kernel",
        "sandboxes",
        "way out",
        "Debian archive",
        "clock",
    ] {
        assert_eq!(state(&findings, check)["state"], "good", "{findings:#?}");
    }
    assert_eq!(code, Some(0));
}

#[test]
fn an_archive_that_does_not_answer_is_found_with_what_to_do() {
    let (code, findings) = findings(
        &Machine::empty(),
        &[("CORACLE_DEBIAN_MIRROR", "http://127.0.0.1:1/debian")],
    );
    let archive = state(&findings, "Debian archive");
    assert_eq!(archive["state"], "missing", "{archive}");
    assert!(
        archive["found"].as_str().unwrap().contains("127.0.0.1:1"),
        "{archive}"
    );
    assert_eq!(state(&findings, "sandboxes")["state"], "good");
    assert_eq!(code, Some(1));
}
