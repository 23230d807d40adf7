//! Whoever is killed, nothing is left behind and the next request works.

use std::thread;

use crate::harbour::{Harbour, get};
use crate::left::Keepers;
use crate::machine::Machine;
use crate::ship::Ship;

/// Starts a server with a ship; answers it with what started the ship says of itself.
fn afloat() -> (Harbour, String) {
    let harbour = Harbour::open();
    harbour.deploy(&Ship::new(), &[]);
    let start = started(&harbour);
    (harbour, start)
}

fn started(harbour: &Harbour) -> String {
    harbour.answer("/")["start"].as_str().unwrap().to_owned()
}

/// Ends a server in good order: nothing of it may be left.
fn close_cleanly(harbour: Harbour) {
    let keepers = Keepers::of(&harbour.machine);
    let _machine = harbour.close();
    keepers.leave_nothing();
}

/// Waits until the function has begun to answer a request that it never finishes.
fn wait_for_held_request(harbour: &Harbour) {
    let mut following = harbour
        .command(&["logs", "ship", "--follow"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(following.stdout.take().unwrap()));
    assert!(
        lines
            .map_while(Result::ok)
            .any(|line| line == "holding a request")
    );
    following.kill().unwrap();
    following.wait().unwrap();
}

/// Kills everything in the sandboxes of a server.
fn kill_instances(harbour: &Harbour) {
    Keepers::of(&harbour.machine).kill_sandboxed();
}

#[test]
fn a_server_that_ends_leaves_nothing() {
    let (harbour, _) = afloat();
    close_cleanly(harbour);
}

#[test]
fn after_an_instance_is_killed_the_next_request_starts_another() {
    let (harbour, first) = afloat();
    kill_instances(&harbour);
    let second = started(&harbour);
    assert_ne!(second, first);
    close_cleanly(harbour);
}

#[test]
fn an_instance_that_is_killed_with_a_request_in_flight_ends_that_with_an_error() {
    let (harbour, first) = afloat();
    thread::scope(|scope| {
        let held = scope.spawn(|| harbour.act("/hold"));
        wait_for_held_request(&harbour);
        kill_instances(&harbour);
        let (status, body) = held.join().unwrap();
        assert_eq!(status, 502, "{body}");
    });
    assert_ne!(started(&harbour), first);
    close_cleanly(harbour);
}

#[test]
fn an_instance_that_ends_by_itself_is_replaced() {
    let (harbour, first) = afloat();
    assert_eq!(harbour.act("/end").0, 502);
    harbour.answer_at_last();
    assert_ne!(started(&harbour), first);
    let events = harbour.succeed(&["describe", "ship"]);
    assert!(events.contains("code 9"), "{events}");
    close_cleanly(harbour);
}

#[test]
fn after_the_keeper_is_killed_nothing_is_left_and_the_next_request_works() {
    let (harbour, first) = afloat();
    let keepers = Keepers::of(&harbour.machine);
    keepers.kill();
    keepers.end();
    let second = started(&harbour);
    assert_ne!(second, first);
    let next = Keepers::of(&harbour.machine);
    harbour.server.end();
    keepers.leave_nothing();
    next.leave_nothing();
}

#[test]
fn a_keeper_that_is_killed_with_a_request_in_flight_ends_that_with_an_error() {
    let (harbour, first) = afloat();
    let keepers = Keepers::of(&harbour.machine);
    thread::scope(|scope| {
        let held = scope.spawn(|| harbour.act("/hold"));
        wait_for_held_request(&harbour);
        keepers.kill();
        let (status, body) = held.join().unwrap();
        assert_eq!(status, 502, "{body}");
    });
    keepers.leave_nothing();
    assert_ne!(started(&harbour), first);
    close_cleanly(harbour);
}

#[test]
fn a_keeper_that_is_killed_while_it_creates_costs_at_most_that_request() {
    let (harbour, _) = afloat();
    for _ in 0..3 {
        kill_instances(&harbour);
        let keepers = Keepers::of(&harbour.machine);
        thread::scope(|scope| {
            let asked = scope.spawn(|| harbour.ask("/"));
            while keepers.sandboxed().is_empty() && !asked.is_finished() {
                thread::yield_now();
            }
            keepers.kill();
            let (status, body) = asked.join().unwrap();
            assert!(matches!(status, 200 | 502 | 503), "{status}: {body}");
        });
        keepers.leave_nothing();
        harbour.answer_at_last();
    }
    close_cleanly(harbour);
}

#[test]
fn a_server_that_is_killed_finds_its_instances_again() {
    let (harbour, first) = afloat();
    let keepers = Keepers::of(&harbour.machine);
    let harbour = harbour.reopen_after_kill();
    assert_eq!(
        started(&harbour),
        first,
        "the instance serves on under the next server"
    );
    assert_eq!(harbour.report(&["ls"])[0]["instances"], 1);
    let lines = harbour.succeed(&["logs", "ship"]);
    assert!(lines.contains(&first), "{lines}");
    harbour.server.end();
    keepers.leave_nothing();
}

#[test]
fn a_server_that_is_killed_with_a_request_in_flight_serves_again() {
    let (harbour, first) = afloat();
    let url = format!("{}/function/ship/hold", harbour.server.url());
    let held = thread::spawn(move || ureq::post(url).send_empty().is_err());
    wait_for_held_request(&harbour);
    let harbour = harbour.reopen_after_kill();
    assert!(held.join().unwrap(), "the request ended with the server");
    assert_eq!(started(&harbour), first);
    close_cleanly(harbour);
}

#[test]
fn a_server_that_is_killed_during_a_deploy_serves_what_it_served_before() {
    let (harbour, first) = afloat();
    let ship = Ship::new();
    let keepers = Keepers::of(&harbour.machine);
    let before = keepers.sandboxed();
    let mut deploying = harbour
        .command(&["deploy", ship.folder(), "--env", "SHIP=elsewhere"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let begun = || harbour.report(&["revisions", "ship"])[0]["number"] == 2;
    while !begun() || keepers.sandboxed().is_subset(&before) {
        assert!(
            deploying.try_wait().unwrap().is_none(),
            "it ended before it began"
        );
        thread::yield_now();
    }
    let harbour = harbour.reopen_after_kill();
    assert!(!deploying.wait().unwrap().success());
    assert_eq!(started(&harbour), first);
    let revisions = harbour.report(&["revisions", "ship"]);
    assert_eq!(
        (&revisions[0]["number"], &revisions[0]["status"]),
        (&2.into(), &"failed".into())
    );
    harbour.deploy(&ship, &[]);
    assert_eq!(harbour.answer("/")["revision"], "3");
    close_cleanly(harbour);
}

#[test]
fn what_a_killed_server_ran_ends_after_its_lease() {
    let (harbour, _) = afloat();
    let keepers = Keepers::of(&harbour.machine);
    let Harbour {
        machine: _machine,
        server,
    } = harbour;
    server.kill();
    keepers.leave_nothing();
}

#[test]
fn up_that_is_killed_leaves_nothing_and_the_next_works() {
    // The keeper of `up` is in the store, which no other `up` may share here.
    let machine = Machine::empty();
    let ship = Ship::new();
    let arguments = ["up", ship.folder(), "--listen", "127.0.0.1:0"];
    let up = machine.start(&arguments);
    let keepers = Keepers::of(&machine);
    up.kill();
    keepers.leave_nothing();
    let up = machine.start(&arguments);
    assert_eq!(get(&format!("{}/", up.url())).0, 200);
    let keepers = Keepers::of(&machine);
    up.end();
    keepers.leave_nothing();
}
