//! `coracle dev`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;

use crate::machine::{Machine, Running, copy_of};
use crate::project::{Project, SERVER};
use crate::runs::Runs;
use crate::traffic::{Traffic, agent, ask};

fn dev(folder: &Path, more: &[&str]) -> Running {
    let folder = folder.to_str().unwrap();
    let arguments = [&["dev", folder, "--listen", "127.0.0.1:0"], more].concat();
    Machine::with_shared_store().start(&arguments)
}

/// Changes a file in one go, as editors do: by way of another one that takes its name.
fn edit(file: &Path, from: &str, to: &str) {
    let text = fs_err::read_to_string(file).unwrap();
    assert!(text.contains(from), "no {from:?} in {text}");
    let new = file.with_extension("new");
    fs_err::write(&new, text.replace(from, to)).unwrap();
    fs_err::rename(new, file).unwrap();
}

#[test]
fn no_request_fails_while_a_python_application_is_edited_broken_mended_and_given_a_dependency() {
    let copy = copy_of("flask-app");
    let folder = copy.path().join("flask-app");
    let app = folder.join("app.py");
    let function = dev(&folder, &[]);
    let traffic = Traffic::start(function.url(), &["/", "/", "/?x=1"]);
    traffic.sees("first version", |answer| answer.body == "coracle\ndory\n");

    edit(&app, "dory", "canoe");
    traffic.sees("second version", |answer| answer.body == "canoe\ncoracle\n");
    function.says("✓ app.py changed · built");

    edit(&app, "app = Flask", "app = = Flask");
    traffic.sees("error", |answer| {
        let is_told = |error: &String| error.contains("did not start: it exited with code");
        answer.error.as_ref().is_some_and(is_told) && answer.body == "canoe\ncoracle\n"
    });
    function.says("SyntaxError");
    function.says("the version before goes on answering");

    edit(&app, "app = = Flask", "app = Flask");
    traffic.sees("end of the error", |answer| answer.error.is_none());

    let requirements = folder.join("requirements.txt");
    edit(&requirements, "werkzeug", "idna==3.10\nwerkzeug");
    edit(&app, "from flask", "import idna\nfrom flask");
    edit(&app, "\"canoe\"", "idna.__version__");
    traffic.sees("dependency", |answer| answer.body == "3.10\ncoracle\n");

    assert!(traffic.end() > 100);
    function.end();
}

#[test]
fn no_request_fails_while_a_node_handler_is_edited_broken_and_mended() {
    let copy = copy_of("hello-node");
    let folder = copy.path().join("hello-node");
    let index = folder.join("index.js");
    let function = dev(&folder, &["--debug=0"]);
    let traffic = Traffic::start(function.url(), &["/", "/?name=ada"]);
    traffic.sees("first version", |answer| answer.body.starts_with("Hello, "));
    let port = debugger_port(&function);
    let first = attached(port);

    for greeting in ["Ahoy, ", "Moin, "] {
        let text = fs_err::read_to_string(&index).unwrap();
        let (_, rest) = text.split_once("send(`").unwrap();
        let before = rest.split_once('$').unwrap().0.to_owned();
        edit(&index, &before, greeting);
        traffic.sees("greeting", |answer| answer.body.starts_with(greeting));
    }
    assert_ne!(
        attached(port),
        first,
        "it is still the debugger of the first version"
    );

    edit(&index, "send(`", "send((`");
    traffic.sees("error", |answer| {
        answer.error.is_some() && answer.body.starts_with("Moin, ")
    });
    edit(&index, "send((`", "send(`");
    traffic.sees("end of the error", |answer| answer.error.is_none());

    assert!(traffic.end() > 100);
    function.end();
}

fn debugger_port(function: &Running) -> u16 {
    const SAID: &str = "debuggers connect to 127.0.0.1:";
    function.says(SAID);
    let said = function.said();
    let (_, rest) = said.split_once(SAID).unwrap();
    rest.lines().next().unwrap().parse().unwrap()
}

/// Attaches to Node's inspector as a debugger does (RFC 6455 §4.1), and answers the name of what it attached to.
fn attached(port: u16) -> String {
    let listed = ask(&agent(), &format!("http://127.0.0.1:{port}/json/list")).unwrap();
    let targets: serde_json::Value = serde_json::from_str(&listed.body).unwrap();
    let id = targets[0]["id"].as_str().unwrap().to_owned();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(
        stream,
        "GET /{id} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .unwrap();
    let mut status = String::new();
    BufReader::new(stream).read_line(&mut status).unwrap();
    assert!(status.starts_with("HTTP/1.1 101"), "{status}");
    id
}

#[test]
fn what_never_worked_is_told_in_the_answers_until_it_works() {
    let project = Project::of(&[("notes.txt", "nothing to run")]);
    let function = dev(&project.path(), &[]);
    let (agent, url) = (agent(), function.url());
    let answer = ask(&agent, url).unwrap();
    assert_eq!(answer.status, 503);
    assert!(answer.body.starts_with("error: "), "{}", answer.body);
    assert_eq!(
        answer.error.as_deref(),
        answer.body.lines().next().unwrap().strip_prefix("error: ")
    );
    let mut page = agent.get(url).header("accept", "text/html").call().unwrap();
    assert!(
        page.body_mut()
            .read_to_string()
            .unwrap()
            .contains("http-equiv=\"refresh\"")
    );
    function.says("nothing answers yet");
    project.write("server.py", SERVER);
    function.says("runs · built");
    let answer = ask(&agent, url).unwrap();
    assert_eq!((answer.body.as_str(), answer.error), ("ahoy", None));
    function.end();
}

#[test]
fn the_manifest_variables_and_secrets_are_followed_and_a_broken_manifest_changes_nothing() {
    let project = Project::server();
    let (env, secret) = (project.beside("boat.env"), project.beside("password"));
    fs_err::write(&env, "BOAT=dory\n").unwrap();
    fs_err::write(&secret, "open").unwrap();
    let secret_flag = format!("db={secret}");
    let function = dev(&project.path(), &["--env-file", &env, "--secret", &secret_flag]);
    let url = function.url();
    let boats = Traffic::start(url, &["/env/BOAT"]);
    boats.sees("variable", |answer| answer.body == "dory");
    fs_err::write(&env, "# mended\nexport BOAT=\"coracle\"\n").unwrap();
    boats.sees("new variable", |answer| answer.body == "coracle");
    project.write("coracle.yaml", "nmae: boat\n");
    boats.sees("error", |answer| {
        answer.error.is_some() && answer.body == "coracle"
    });
    project.write("coracle.yaml", "env: {BOAT: none, CREW: three}\n");
    boats.sees("end of the error", |answer| answer.error.is_none());
    let crew = Traffic::start(url, &["/env/CREW", "/file/run/secrets/db"]);
    fs_err::write(&secret, "three").unwrap();
    crew.sees("crew and secret", |answer| answer.body == "three");
    boats.sees("variable of the file", |answer| answer.body == "coracle");
    crew.end();
    boats.end();
    function.end();
}

#[test]
fn what_is_saved_without_a_difference_or_is_no_source_changes_nothing() {
    let project = Project::server();
    let function = dev(&project.path(), &[]);
    project.write("server.py", SERVER);
    fs_err::create_dir(project.path().join("node_modules")).unwrap();
    project.write("node_modules/index.js", "");
    project.write(".server.py.swp", "");
    project.write("server.py", &SERVER.replace("ahoy", "moin"));
    function.says("✓ server.py changed · built");
    let answer = ask(&agent(), function.url()).unwrap();
    assert_eq!(answer.body, "moin");
    assert_eq!(
        function.said().matches("changed").count(),
        1,
        "{}",
        function.said()
    );
    function.end();
}

#[test]
fn a_debugger_that_is_not_installed_is_named_with_what_to_add() {
    let project = Project::server();
    let function = dev(&project.path(), &["--debug=0"]);
    let answer = ask(&agent(), function.url()).unwrap();
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("hint: add `debugpy`"), "{}", answer.body);
    function.end();
}

#[test]
fn secrets_that_are_not_given_are_named_with_the_flag_to_add() {
    let project = Project::server();
    project.write("coracle.yaml", "secrets: [db-password]\n");
    let talk = Machine::with_shared_store().fail(1, &["up", &project.dir(), "--call", "/"]);
    assert!(talk.contains("hint: add `--secret db-password=FILE`"), "{talk}");
}
