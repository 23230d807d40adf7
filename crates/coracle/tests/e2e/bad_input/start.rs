//! Functions that are built and do not start, or start and answer badly.

use super::source::Source;
use super::{HANDLER, called};
use crate::machine::Machine;

/// Runs the folder and answers what was said on stderr: the error with all that the function printed.
fn said(source: &Source) -> String {
    let output = Machine::shared().run(&["up", source.argument(), "--call", "/"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(output.stdout, b"", "{said}");
    said
}

/// Answers the text from `start` on.
fn from<'a>(text: &'a str, start: &str) -> &'a str {
    &text[text
        .find(start)
        .unwrap_or_else(|| panic!("no {start:?} in {text}"))..]
}

#[test]
fn a_syntax_error_in_python_is_shown_once_as_python_shows_it() {
    let source = Source::of(&[("main.py", &HANDLER.replace("'afloat'", "'afloat"))]);
    let said = said(&source);
    assert_eq!(said.matches("SyntaxError").count(), 1, "{said}");
    insta::assert_snapshot!(from(&said, "  File \"/app/main.py\"").trim(), @r#"
    File "/app/main.py", line 6
              return 'afloat
                     ^
          SyntaxError: unterminated string literal (detected at line 6)
    "#);
}

#[test]
fn an_exception_at_import_is_shown_once_as_python_shows_it() {
    let source = Source::of(&[(
        "main.py",
        &format!("{HANDLER}\nraise RuntimeError('the sea is rough')\n"),
    )]);
    let said = said(&source);
    assert_eq!(
        said.matches("RuntimeError: the sea is rough").count(),
        1,
        "{said}"
    );
    assert!(
        said.contains("error: `boat` revision 1 did not start: it exited with code 1\n"),
        "{said}"
    );
    assert!(
        said.contains("File \"/app/main.py\", line 8, in <module>"),
        "{said}"
    );
}

#[test]
fn a_syntax_error_in_javascript_is_shown_once_as_node_shows_it() {
    let source = Source::of(&[(
        "index.js",
        "const ff = require('@google-cloud/functions-framework');\nff.http('handle', (req, res) => res.send('a');\n",
    )]);
    let said = said(&source);
    assert_eq!(
        said.matches("SyntaxError: missing ) after argument list").count(),
        1,
        "{said}"
    );
    assert!(said.contains("/app/index.js:2"), "{said}");
}

#[test]
fn ways_to_end_at_once_are_told_apart() {
    let ended = |program: &str| called(&Source::program(program, "resources: {memory: 64Mi}\n"));
    insta::assert_snapshot!(ended("import sys\nprint('bye')\nsys.exit(3)\n"), @r"
    error: `boat` revision 1 did not start: it exited with code 3
      caused by: it printed last:
          bye
    exit code 1
    ");
    insta::assert_snapshot!(ended("print('done')\n"), @r"
    error: `boat` revision 1 did not start: it ended by itself without an error
      caused by: it printed last:
          done
      hint: run a server, which goes on and listens on the port that `PORT` names
    exit code 1
    ");
    insta::assert_snapshot!(ended("import os\nos.kill(os.getpid(), 11)\n"), @r"
    error: `boat` revision 1 did not start: signal 11 ended it
    exit code 1
    ");
    insta::assert_snapshot!(ended("hold = []\nwhile True:\n    hold.append(bytearray(1 << 20))\n"), @r"
    error: `boat` revision 1 did not start: it used more memory than it may
      hint: raise `resources.memory` in the manifest
    exit code 1
    ");
}

#[test]
fn a_command_that_is_not_there_is_named() {
    let manifest = "runtime: python
command: [no-such-program]
";
    let said = called(&Source::of(&[("coracle.yaml", manifest), ("x.py", "")]));
    assert!(
        said.starts_with("error: `boat` revision 1 did not start: "),
        "{said}"
    );
    assert!(said.contains("there is no program `no-such-program`"), "{said}");
    assert!(said.ends_with("exit code 1"), "{said}");
}

#[test]
fn a_port_that_nobody_listens_on_is_told_with_those_that_are() {
    let listening = |port: &str| {
        let program = format!(
            "import socket, time\nserver = socket.create_server(('', {port}))\n\
             print('under way', flush=True)\ntime.sleep(600)\n"
        );
        called(&Source::program(&program, "health: {grace: 5s}\n"))
    };
    insta::assert_snapshot!(listening("9999"), @r"
    error: `boat` revision 1 did not start: nothing listened on port 8080 within 5 s; it listens on 9999 instead
      caused by: it printed last:
          under way
      hint: listen on the port that `PORT` names, or set `port: 9999` in the manifest, or `EXPOSE 9999` in the Dockerfile
    exit code 1
    ");
    let deaf = Source::program("import time\ntime.sleep(600)\n", "health: {grace: 1s}\n");
    insta::assert_snapshot!(called(&deaf), @r"
    error: `boat` revision 1 did not start: nothing listened on port 8080 within 1 s
      hint: listen on the port that the environment variable `PORT` names
    exit code 1
    ");
}

#[test]
fn an_answer_of_400_and_more_is_printed_and_fails_the_call() {
    let source = Source::of(&[(
        "main.py",
        &HANDLER.replace("'afloat'", "'aground', int(request.path[1:])"),
    )]);
    for (status, code, said) in [
        ("204", 0, ""),
        ("404", 1, "the answer's status is 404 Not Found\n"),
        ("500", 1, "the answer's status is 500 Internal Server Error\n"),
    ] {
        let path = format!("/{status}");
        let output = Machine::shared().run(&["up", source.argument(), "--call", &path]);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert!(
            String::from_utf8(output.stderr).unwrap().ends_with(said),
            "{status}"
        );
        let body = if code == 0 { "" } else { "aground" };
        assert_eq!(output.stdout, body.as_bytes());
    }
}

#[test]
fn an_exception_in_a_request_is_in_the_log_and_fails_the_call() {
    let source = Source::of(&[(
        "main.py",
        &HANDLER.replace("return 'afloat'", "raise ValueError('a hole')"),
    )]);
    let output = Machine::shared().run(&["up", source.argument(), "--call", "/"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.matches("ValueError: a hole").count(), 1, "{said}");
    assert!(
        said.contains("the answer's status is 500 Internal Server Error\n"),
        "{said}"
    );
}
