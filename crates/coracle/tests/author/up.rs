//! `coracle up`.

use crate::machine::Machine;
use crate::port::get;
use crate::project::Project;
use crate::runs::Runs;

#[test]
fn a_call_prints_the_answer_on_stdout_and_nothing_else() {
    let project = Project::server();
    let output = Machine::with_shared_store().run(&["up", &project.dir(), "--call", "/a?b=c"]);
    let talk = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{talk}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ahoy");
    assert!(
        talk.contains("asked for /a?b=c"),
        "what the function prints is shown: {talk}"
    );
}

#[test]
fn a_call_whose_answer_is_an_error_prints_it_and_exits_with_one() {
    let project = Project::server();
    let output = Machine::with_shared_store().run(&["up", &project.dir(), "--call", "/status/404"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "status 404");
    let talk = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(talk.contains("the answer's status is 404"), "{talk}");
}

#[test]
fn variables_and_secrets_reach_the_function() {
    let project = Project::server();
    let (env, secret) = (project.beside(".env"), project.beside("password"));
    fs_err::write(&env, "BOAT=coracle\nCREW=1\n").unwrap();
    fs_err::write(&secret, "sesame").unwrap();
    let function = Machine::with_shared_store().start(&[
        "up",
        &project.dir(),
        "--listen",
        "127.0.0.1:0",
        "--env-file",
        &env,
        "--env",
        "CREW=2",
        "--secret",
        &format!("db-password={secret}"),
    ]);
    assert_eq!(get(&format!("{}/env/BOAT", function.url())), "coracle");
    assert_eq!(get(&format!("{}/env/CREW", function.url())), "2");
    assert_eq!(
        get(&format!("{}/file/run/secrets/db-password", function.url())),
        "sesame"
    );
    function.end();
}

#[test]
fn it_shows_what_the_function_prints_and_ends_with_ctrl_c() {
    let project = Project::server();
    let function = Machine::with_shared_store().start(&["up", &project.dir(), "--listen", "127.0.0.1:0"]);
    get(&format!("{}/somewhere", function.url()));
    function.says("asked for /somewhere");
    let url = function.url().to_owned();
    function.end();
    assert!(ureq::get(&url).call().is_err(), "nobody answers after the end");
}
