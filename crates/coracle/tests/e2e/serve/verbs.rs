//! A function's life, from its deploy to its removal.

use crate::harbour::Harbour;
use crate::ship::Ship;

#[test]
fn a_function_is_deployed_listed_described_called_read_and_removed() {
    let harbour = Harbour::open();
    assert_eq!(harbour.report(&["ls"]), serde_json::json!([]));

    let ship = Ship::new();
    let url = harbour.succeed(&["deploy", ship.folder(), "--env", "GREETING=ahoy"]);
    assert_eq!(url.trim(), format!("{}/function/ship", harbour.server.url()));
    let about = harbour.answer("/");
    assert_eq!(
        (&about["revision"], &about["greeting"]),
        (&"1".into(), &"ahoy".into())
    );

    let listed = harbour.report(&["ls"]);
    assert_eq!(listed[0]["function"]["name"], "ship");
    assert_eq!(
        (&listed[0]["revision"], &listed[0]["instances"]),
        (&1.into(), &1.into())
    );
    assert!(harbour.succeed(&["ls"]).contains(url.trim()));

    let described = harbour.report(&["describe", "ship"]);
    assert_eq!(described["revision"]["config"]["env"]["GREETING"], "ahoy");
    assert_eq!(described["instances"][0]["state"], "ready");
    let page = harbour.succeed(&["describe", "ship"]);
    assert!(page.contains("deployed") && page.contains(url.trim()), "{page}");

    let revisions = harbour.report(&["revisions", "ship"]);
    assert_eq!(
        (&revisions[0]["number"], &revisions[0]["serving"]),
        (&1.into(), &true.into())
    );
    assert!(harbour.succeed(&["revisions", "ship"]).contains("serving"));

    let invoked = harbour.succeed(&["invoke", "ship", "/", "-d", "heave ho"]);
    assert_eq!(invoked, "HEAVE HO");
    let refused = harbour.fail(1, &["invoke", "ship", "/nowhere"]);
    assert!(refused.contains("404"), "{refused}");

    let start = about["start"].as_str().unwrap();
    assert!(
        harbour
            .succeed(&["logs", "ship"])
            .contains(&format!("afloat as {start}"))
    );
    let lines = harbour.succeed(&["logs", "ship", "--json"]);
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["stream"], &first["revision"], &first["text"]),
        (&"stdout".into(), &1.into(), &format!("afloat as {start}").into())
    );
    let last = harbour.succeed(&["logs", "ship", "-n", "1"]);
    assert_eq!(last.lines().count(), 1, "{last}");

    harbour.succeed(&["rm", "ship"]);
    assert_eq!(harbour.report(&["ls"]), serde_json::json!([]));
    assert_eq!(harbour.ask("/").0, 404);
    for verb in ["describe", "revisions", "logs", "rm"] {
        let talk = harbour.fail(1, &[verb, "ship"]);
        assert!(talk.contains("`ship`"), "{verb}: {talk}");
    }
    harbour.close();
}

#[test]
fn a_function_answers_as_a_host_of_the_domain_too() {
    let harbour = Harbour::open();
    harbour.deploy(&Ship::new(), &[]);
    let mut response = ureq::get(format!("{}/", harbour.server.url()))
        .header("host", "ship.localhost")
        .call()
        .unwrap();
    assert!(
        response
            .body_mut()
            .read_to_string()
            .unwrap()
            .contains("\"revision\": \"1\"")
    );
    harbour.close();
}

#[test]
fn up_works_beside_a_server_on_the_same_data_directory() {
    let harbour = Harbour::open();
    let ship = Ship::new();
    harbour.deploy(&ship, &[]);
    let before = harbour.answer("/");

    let flags = [
        "up",
        ship.folder(),
        "--listen",
        "127.0.0.1:0",
        "--env",
        "GREETING=aside",
    ];
    let up = harbour.machine.start(&flags);
    let (status, about) = crate::harbour::get(&format!("{}/", up.url()));
    assert_eq!((status, &about["greeting"]), (200, &"aside".into()));
    assert_ne!(about["start"], before["start"]);
    assert_eq!(
        harbour.report(&["ls"]).as_array().unwrap().len(),
        1,
        "`up` registers nothing"
    );
    up.end();

    assert_eq!(harbour.answer("/"), before, "the server's instance serves on");
    harbour.close();
}

#[test]
fn a_second_server_on_the_same_data_directory_is_told_of_the_first() {
    let harbour = Harbour::open();
    let talk = harbour.fail(
        1,
        &["serve", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"],
    );
    let first = format!("process {}", harbour.server.pid());
    assert!(talk.contains(&first), "{talk}");
    assert_eq!(
        harbour.report(&["ls"]),
        serde_json::json!([]),
        "the first serves on"
    );
    harbour.close();
}
