//! Pages as they read.

use serde_json::json;

use super::*;

fn function(state: &str, more: &serde_json::Value) -> FunctionDetail {
    let mut value = json!({
        "function": {"namespace": "default", "name": "hello"},
        "url": "http://127.0.0.1:8080/function/hello",
        "state": state, "reason": "as the test says",
        "revision": null, "image": null, "scale": null, "rescaled": false,
        "instances": [], "spare": false, "queue": {"waiting": 0, "longest_ms": 0},
        "failed_revision": null, "last_failure": null,
        "exits": [], "lines": [], "events": [], "hints": []
    });
    value
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    serde_json::from_value(value).unwrap()
}

#[test]
fn a_function_that_was_never_ready_shows_why() {
    let function = function(
        "never ready",
        &json!({
            "failed_revision": 1,
            "last_failure": {
                "at": 0, "revision": 1,
                "cause": "nothing listened on port 8080 within 30 s; it listens on 3000 instead",
                "hint": null, "listened_on": [3000], "said": ["listening on 3000"]
            },
            "hints": ["listen on the port that `PORT` names, or set `port: 3000` in the manifest"]
        }),
    );
    let page = Page(&function).to_string();
    let page = page.replace(&age::ago(0), "long ago");
    insta::assert_snapshot!(page, @r"
    name       hello
    state      never ready: as the test says
    url        http://127.0.0.1:8080/function/hello
    failed     revision 1, the newest, was never ready

    last failed start: revision 1, long ago
      nothing listened on port 8080 within 30 s; it listens on 3000 instead
      | listening on 3000

    hint: listen on the port that `PORT` names, or set `port: 3000` in the manifest
    ");
}

#[test]
fn a_function_that_serves_shows_names_of_variables_and_no_values() {
    let image = format!("sha256:{}", "a".repeat(64));
    let function = function(
        "ready",
        &json!({
            "revision": {
                "number": 3, "image": image, "reference": "hello:latest", "created_at": 0, "author": "admin",
                "status": "ready", "serving": true,
                "config": {"env": {"GREETING": "hush", "LEVEL": "5"}, "secrets": ["db-password"]}
            },
            "image": {"size": 16_543_210, "port": 8080, "command": ["python", "app.py"]},
            "scale": {"min": 2}, "rescaled": true, "spare": true,
            "queue": {"waiting": 3, "longest_ms": 40},
            "instances": [
                {"id": "hello-3-00000001", "revision": 3, "state": "ready", "in_flight": 2, "age_seconds": 70}
            ]
        }),
    );
    let page = Page(&function).to_string();
    let page = page
        .replace(&age::ago(0), "long ago")
        .replace(&image, "sha256:aaaa");
    insta::assert_snapshot!(page, @r"
    name       hello
    state      ready: as the test says
    url        http://127.0.0.1:8080/function/hello
    revision   3, deployed long ago by admin
    image      sha256:aaaa, hello:latest, 16.5 MB
    command    python app.py
    port       8080
    scale      2 to 10 instances, 20 requests at once in each, idle ones end after 5m, never freeze (changed since the deploy)
    limits     memory 256Mi, cpu any, 256 processes, disk 512Mi, 1m a request
    health     the port accepts connections within 30s
    env        GREETING, LEVEL
    secrets    db-password
    spare      a sandbox is ready for the next start
    queue      3 requests wait, the first for 40 ms

    INSTANCE          REVISION  STATE  REQUESTS  AGE
    hello-3-00000001  3         ready  2         1 min
    ");
}
