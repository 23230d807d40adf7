//! What is said of starts that fail.

use std::error::Error as _;
use std::time::Duration;

use super::*;

fn failure(not_ready: NotReady) -> StartFailure {
    StartFailure {
        function: "hello".parse().unwrap(),
        revision: 2,
        cause: StartCause::NotReady(Unready(not_ready)),
        said: LastLines::of(vec!["Traceback".to_owned(), "  File".to_owned()]),
    }
}

#[test]
fn each_way_not_to_start_says_what_happened_and_what_to_do() {
    let waited = Duration::from_millis(1500);
    let no_listener = |instead| NotReady::NoListener {
        port: 8080,
        instead,
        waited,
    };
    for (not_ready, message, hint) in [
        (NotReady::Exited(Exit::Code(1)), "it exited with code 1", None),
        (NotReady::Exited(Exit::Signal(9)), "signal 9 ended it", None),
        (
            NotReady::Exited(Exit::Code(0)),
            "it ended by itself without an error",
            Some("run a server, which goes on and listens on the port that `PORT` names"),
        ),
        (
            NotReady::Exited(Exit::OutOfMemory),
            "it used more memory than it may",
            Some("raise `resources.memory` in the manifest"),
        ),
        (
            no_listener(vec![]),
            "nothing listened on port 8080 within 1.5 s",
            Some("listen on the port that the environment variable `PORT` names"),
        ),
        (
            no_listener(vec![3000, 3001]),
            "nothing listened on port 8080 within 1.5 s; it listens on 3000, 3001 instead",
            Some(
                "listen on the port that `PORT` names, or set `port: 3000` in the manifest, or `EXPOSE 3000` in the Dockerfile",
            ),
        ),
        (
            NotReady::NobodyBehind { port: 3000, waited },
            "the program that its watchdog starts did not listen on port 3000 within 1.5 s",
            Some(
                "let it listen on port 3000, or name its address in the environment variable `upstream_url`",
            ),
        ),
    ] {
        let class = if not_ready == NotReady::Lost {
            Class::Unavailable
        } else {
            Class::User
        };
        let failure = failure(not_ready);
        assert_eq!(
            failure.to_string(),
            format!("`hello` revision 2 did not start: {message}")
        );
        assert_eq!(failure.hint().as_deref(), hint);
        assert_eq!(failure.class(), class);
    }
}

#[test]
fn a_sandbox_that_was_lost_is_not_the_programs_fault() {
    let failure = failure(NotReady::Lost);
    assert_eq!(failure.class(), Class::Unavailable);
    assert!(
        failure
            .to_string()
            .ends_with("its sandbox was lost while it started")
    );
}

#[test]
fn what_it_printed_last_is_its_cause() {
    let failure = failure(NotReady::Exited(Exit::Code(1)));
    let said = failure.source().map(ToString::to_string);
    assert_eq!(said.as_deref(), Some("it printed last:\n  Traceback\n    File"));
}
