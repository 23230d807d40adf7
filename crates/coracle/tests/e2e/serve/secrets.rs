//! Secrets reach functions as files, and nobody else.

use std::process::Stdio;

use crate::harbour::{Harbour, succeeded};
use crate::ship::Ship;

const VALUE: &str = "the-gold-is-under-the-third-palm";

fn set(harbour: &Harbour, name: &str, value: &str) {
    let arguments = ["secret", "set", name];
    let mut setting = harbour
        .command(&arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut setting.stdin.take().unwrap(), value.as_bytes()).unwrap();
    succeeded(&setting.wait_with_output().unwrap(), &arguments);
}

/// Answers the command lines and environments of all processes of this host, but this one's and its parents'.
fn process_list() -> String {
    let mut list = String::new();
    for entry in fs_err::read_dir("/proc").unwrap().map(Result::unwrap) {
        if entry.file_name().to_string_lossy().parse::<u32>().is_ok() {
            for file in ["cmdline", "environ"] {
                // A process may end meanwhile.
                let text = fs_err::read(entry.path().join(file)).unwrap_or_default();
                list.push_str(&String::from_utf8_lossy(&text));
            }
        }
    }
    list
}

#[test]
fn a_secret_is_a_file_of_the_function_and_nowhere_else() {
    let harbour = Harbour::open();
    set(&harbour, "treasure", VALUE);
    let file = harbour.machine.data().join("chart");
    fs_err::write(&file, "north").unwrap();
    harbour.succeed(&["secret", "set", "chart", "--from-file", file.to_str().unwrap()]);

    let ship = Ship::new().with("secrets: [treasure]");
    let mut told = harbour.deploy(&ship, &[]).to_string();
    let seen = harbour.answer("/secrets");
    assert_eq!(
        seen,
        serde_json::json!({"treasure": {"value": VALUE, "writable": false}})
    );

    let names = harbour.report(&["secret", "ls"]);
    assert_eq!(
        (&names[0]["name"], &names[1]["name"]),
        (&"chart".into(), &"treasure".into())
    );
    for arguments in [
        &["secret", "ls"][..],
        &["secret", "ls", "--json"],
        &["describe", "ship", "--json"],
        &["describe", "ship"],
        &["revisions", "ship", "--json"],
        &["logs", "ship", "--json"],
    ] {
        told.push_str(&harbour.succeed(arguments));
    }
    told.push_str(&harbour.answer("/environment").to_string());
    told.push_str(&harbour.server.said());
    told.push_str(&process_list());
    assert!(!told.contains(VALUE), "the secret is told");

    harbour.succeed(&["secret", "rm", "treasure"]);
    let talk = harbour.fail(1, &["deploy", ship.folder()]);
    assert!(talk.contains("`treasure`"), "{talk}");
    assert_eq!(
        harbour.answer("/secrets"),
        seen,
        "what runs keeps what it has seen"
    );
    harbour.close();
}
