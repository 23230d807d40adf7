//! Deploys that follow another one, those that work and those that fail.

use crate::harbour::Harbour;
use crate::ship::Ship;

#[test]
fn the_second_deploy_makes_revision_2_and_switches_to_it() {
    let harbour = Harbour::open();
    let ship = Ship::new();
    let first = harbour.deploy(&ship, &["--env", "GREETING=one"]);
    assert_eq!(
        (&first["revision"], &first["replaced"]),
        (&1.into(), &serde_json::Value::Null)
    );
    let second = harbour.deploy(&ship, &["--env", "GREETING=two"]);
    assert_eq!((&second["revision"], &second["replaced"]), (&2.into(), &1.into()));
    assert_eq!(
        second["image"], first["image"],
        "the same folder is the same image"
    );

    let about = harbour.answer("/");
    assert_eq!(
        (&about["revision"], &about["greeting"]),
        (&"2".into(), &"two".into())
    );
    let revisions = harbour.report(&["revisions", "ship"]);
    let serving: Vec<_> = revisions
        .as_array()
        .unwrap()
        .iter()
        .map(|revision| {
            (
                revision["number"].as_u64().unwrap(),
                revision["serving"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(serving, [(2, true), (1, false)]);
    harbour.close();
}

/// A deploy of a ship that fails as `SHIP` says leaves the old revision serving; answers what the deploy said.
fn failed_deploy(how: &str) -> String {
    let harbour = Harbour::open();
    let ship = Ship::new();
    harbour.deploy(&ship, &[]);
    let before = harbour.answer("/");
    let talk = harbour.fail(1, &["deploy", ship.folder(), "--env", &format!("SHIP={how}")]);

    assert_eq!(harbour.answer("/"), before, "what served before serves on");
    let revisions = harbour.report(&["revisions", "ship"]);
    assert_eq!(
        (&revisions[0]["number"], &revisions[0]["status"]),
        (&2.into(), &"failed".into())
    );
    assert_eq!(
        (&revisions[1]["number"], &revisions[1]["serving"]),
        (&1.into(), &true.into())
    );
    harbour.close();
    talk
}

#[test]
fn a_deploy_that_crashes_changes_nothing_and_shows_what_it_printed_last() {
    let talk = failed_deploy("crashing");
    for part in ["code 3", "there is water in the hull"] {
        assert!(talk.contains(part), "{talk}");
    }
}

#[test]
fn a_deploy_that_listens_elsewhere_changes_nothing_and_shows_where() {
    let talk = failed_deploy("elsewhere");
    for part in [
        "nothing listened on port 8080",
        "listens on 9999 instead",
        "`PORT`",
    ] {
        assert!(talk.contains(part), "{talk}");
    }
}

#[test]
fn a_deploy_that_is_not_healthy_changes_nothing_and_shows_its_status() {
    let talk = failed_deploy("unhealthy");
    for part in ["`/health`", "status 503"] {
        assert!(talk.contains(part), "{talk}");
    }
}

#[test]
fn a_first_deploy_that_fails_serves_nothing_and_the_next_one_works() {
    let harbour = Harbour::open();
    let ship = Ship::new();
    harbour.fail(1, &["deploy", ship.folder(), "--env", "SHIP=crashing"]);
    assert_eq!(harbour.ask("/").0, 404);
    harbour.deploy(&ship, &[]);
    assert_eq!(harbour.answer("/")["revision"], "2");
    harbour.close();
}
