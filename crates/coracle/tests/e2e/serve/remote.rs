//! Builds on the server.

use crate::harbour::Harbour;
use crate::ship::Ship;

#[test]
fn a_remote_deploy_builds_on_the_server_and_serves_what_a_local_one_does() {
    let harbour = Harbour::open();
    let ship = Ship::new();
    let here = harbour.deploy(&ship, &["--env", "GREETING=here"]);
    let there = harbour.deploy(&ship, &["--remote", "--env", "GREETING=there"]);
    assert_eq!(there["image"], here["image"], "the same source is the same image");
    assert_eq!(harbour.answer("/")["greeting"], "there");

    let image = there["image"].as_str().unwrap();
    let again = harbour.deploy(&ship, &["--image", image, "--env", "GREETING=again"]);
    assert_eq!(
        (&again["image"], &again["revision"]),
        (&there["image"], &3.into())
    );
    assert_eq!(harbour.answer("/")["greeting"], "again");
    let unknown = format!("sha256:{}", "0".repeat(64));
    let talk = harbour.fail(1, &["deploy", ship.folder(), "--image", &unknown]);
    assert!(talk.contains("is not in the store"), "{talk}");
    harbour.close();
}

#[test]
fn a_remote_build_shows_its_steps_sends_the_lock_back_and_tells_its_errors() {
    let harbour = Harbour::open();
    let ship = Ship::new();
    let lock = std::path::Path::new(ship.folder()).join("coracle.lock");
    let locked = fs_err::read_to_string(&lock).unwrap_or_default();
    let _ = fs_err::remove_file(&lock);
    let output = harbour.run(&["deploy", ship.folder(), "--remote"]);
    let talk = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{talk}");
    assert!(talk.contains("choose versions"), "no step is shown: {talk}");
    let made = fs_err::read_to_string(&lock).unwrap();
    assert!(made.contains("[base") || made == locked, "{made}");

    fs_err::write(&lock, "version = [").unwrap();
    let talk = harbour.fail(1, &["deploy", ship.folder(), "--remote"]);
    assert!(talk.contains("cannot use the lock file"), "{talk}");
    harbour.close();
}
