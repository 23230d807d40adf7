//! The main error messages, and what goes to which stream with which exit code.

use std::io::{Read, Write as _};
use std::net::TcpListener;

use crate::program::World;

#[test]
fn an_unknown_verb_is_a_usage_error_that_names_the_nearest() {
    insta::assert_snapshot!(World::new().run(["deplyo"]));
}

#[test]
fn without_a_server_the_message_says_how_to_start_one() {
    let world = World::new();
    insta::assert_snapshot!("no-server-ls", world.run(["ls"]));
    world.folder("hello", &[("main.py", "")]);
    insta::assert_snapshot!("no-server-deploy", world.run(["deploy", "hello"]));
}

#[test]
fn a_server_that_refuses_connections_is_worth_another_try() {
    let world = World::new();
    // Nobody listens on a port that was just given back.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let said = world.run(["ls", "--server", &format!("http://{address}")]);
    assert_eq!(said.code, Some(75), "{said}");
    assert!(said.stderr.contains("cannot reach the server"), "{said}");
}

#[test]
fn wrong_addresses_of_servers_say_where_they_came_from() {
    let world = World::new();
    insta::assert_snapshot!("server-flag", world.run(["ls", "--server", "boat"]));
    let variables = [("CORACLE_SERVER", "https://boat.example")];
    insta::assert_snapshot!("server-variable", world.run_with(["ls"], &variables, ""));
}

#[test]
fn a_folder_that_is_not_there_and_a_file_are_no_source() {
    let world = World::new();
    insta::assert_snapshot!("no-folder", world.run(["plan", "missing"]));
    world.folder(".", &[("file", "")]);
    insta::assert_snapshot!("a-file", world.run(["plan", "file"]));
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_one() {
    let world = World::new();
    world.folder(
        "hello",
        &[
            ("main.py", ""),
            ("coracle.yaml", "name: hello\nscale:\n  mim: 1\n"),
        ],
    );
    insta::assert_snapshot!(world.run(["plan", "hello"]));
}

#[test]
fn a_folder_without_anything_to_start_says_what_was_looked_for() {
    let world = World::new();
    world.folder("empty", &[("notes.txt", "nothing to run here")]);
    insta::assert_snapshot!("nothing-to-start", world.run(["plan", "empty"]));
    world.folder("library", &[("util.py", "def add(a, b):\n    return a + b\n")]);
    insta::assert_snapshot!("no-handler", world.run(["plan", "library"]));
}

#[test]
fn a_broken_lock_file_is_named() {
    let world = World::new();
    let handler =
        "import functions_framework\n@functions_framework.http\ndef hello(request):\n    return ''\n";
    world.folder("hello", &[("main.py", handler), ("coracle.lock", "version = [")]);
    insta::assert_snapshot!(world.run(["plan", "hello"]));
}

#[test]
fn new_makes_a_folder_once() {
    let world = World::new();
    insta::assert_snapshot!("new", world.run(["new", "hello"]));
    assert!(world.path("hello/main.py").exists());
    insta::assert_snapshot!("new-again", world.run(["new", "hello"]));
    insta::assert_snapshot!("new-name", world.run(["new", "Hello!"]));
}

#[test]
fn what_new_makes_can_be_planned() {
    let world = World::new();
    for runtime in ["python", "node"] {
        world.run(["new", runtime, "--runtime", runtime]);
        insta::assert_snapshot!(format!("plan-{runtime}"), world.run(["plan", runtime]));
        let json = world.run(["plan", runtime, "--json"]);
        assert!(
            json.stdout.contains(&format!("\"runtime\": \"{runtime}\"")),
            "{json}"
        );
    }
}

#[test]
fn runtimes_are_a_table_and_json() {
    let world = World::new();
    insta::assert_snapshot!("runtimes", world.run(["runtimes"]));
    assert!(world.run(["runtimes", "--json"]).stdout.starts_with('['));
}

#[test]
fn a_login_without_a_password_says_where_it_is() {
    let world = World::new();
    insta::assert_snapshot!(world.run(["login", "http://127.0.0.1:1"]));
}

#[test]
fn a_debian_mirror_that_is_no_address_is_named() {
    let world = World::new();
    world.folder("hello", &[("main.py", "")]);
    let variables = [("CORACLE_DEBIAN_MIRROR", "boat")];
    insta::assert_snapshot!(world.run_with(["build", "hello"], &variables, ""));
}

#[test]
fn a_reader_that_has_enough_ends_the_program_without_a_word() {
    let world = World::new();
    let mut child = world.command(["runtimes"]).spawn().unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
}

#[test]
fn quiet_leaves_data_and_errors() {
    let world = World::new();
    let said = world.run(["new", "hello", "--quiet"]);
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("hello\n", ""));
    let said = world.run(["new", "hello", "--quiet"]);
    assert!(said.stderr.starts_with("error: "), "{said}");
}

/// Answers the arguments of a build at `server`, of a folder that has a Dockerfile.
fn elsewhere(world: &World, server: &str) -> Vec<String> {
    world.folder("hello", &[("Dockerfile", "FROM scratch\n"), ("secret", "s")]);
    let line =
        format!("build hello --remote {server} --payload-secret hello/secret --tag registry.example/hello:1");
    line.split(' ').map(str::to_owned).collect()
}

#[test]
fn a_build_elsewhere_without_a_server_names_the_flag_that_was_typed() {
    let world = World::new();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let said = world.run(elsewhere(&world, &format!("http://{address}")));
    assert_eq!(said.code, Some(75), "{said}");
    assert!(
        said.stderr
            .contains(&format!("cannot reach the server at `http://{address}`")),
        "{said}"
    );
    assert!(
        said.stderr.contains("`--remote`") && !said.stderr.contains("--server"),
        "{said}"
    );
}

#[test]
fn what_a_server_answers_to_a_build_elsewhere_is_told_with_what_to_do() {
    for (answer, code, told) in [
        ("404 Not Found\r\n\r\n", 1, ["takes no builds", "`--remote`"]),
        (
            "429 Too Many Requests\r\n\r\nConcurrent request limit exceeded. Max concurrent requests: 1\n",
            75,
            ["Max concurrent requests: 1", "try again"],
        ),
        (
            "401 Unauthorized\r\n\r\n{\"status\":\"failed\",\"error\":\"signed by nobody\"}",
            1,
            ["signed by nobody", "`--payload-secret FILE`"],
        ),
        (
            "200 OK\r\n\r\n{\"status\":\"in_progress\",\"duration\":0.1}\n",
            75,
            ["broke the build off", "error: "],
        ),
    ] {
        let world = World::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let arguments = elsewhere(&world, &format!("http://{}", listener.local_addr().unwrap()));
        let serving = std::thread::spawn(move || serve_once(&listener, answer));
        let said = world.run(arguments);
        serving.join().unwrap();
        assert_eq!(said.code, Some(code), "{answer}: {said}");
        assert!(
            told.iter().all(|part| said.stderr.contains(part)),
            "{answer}: {said}"
        );
    }
}

/// Answers one request with a status line and what follows it.
fn serve_once(listener: &TcpListener, answer: &str) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut head = Vec::new();
    let mut buffer = [0; 8 << 10];
    while !head.ends_with(&[0; 1024]) {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "the body has no end");
        head.extend_from_slice(&buffer[..count]);
    }
    let text = format!(
        "HTTP/1.1 {}",
        answer.replacen("\r\n\r\n", "\r\nconnection: close\r\n\r\n", 1)
    );
    stream.write_all(text.as_bytes()).unwrap();
}
