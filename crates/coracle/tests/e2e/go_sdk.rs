//! The published Go SDK, unchanged, as a client of the Function Builder API.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use coracle_peers::go_sdk::client;
use serde_json::{Value, json};

use crate::foreign::busybox;
use crate::harbour::{Harbour, get};

/// The secret is compared in a step: an image that says so was built with it, and does not hold it.
const TEMPLATE: &str = r#"FROM scratch
ARG GREETING=nothing
COPY busybox /bin/busybox
SHELL ["/bin/busybox", "sh", "-c"]
COPY function /function
RUN --mount=type=secret,id=token /bin/busybox mkdir /www \
    && echo "\"$GREETING from $(/bin/busybox cat /function/place)\"" > /www/index.html \
    && if [ "$(/bin/busybox cat /run/secrets/token)" = sesame ]; then echo true; else echo false; fi > /www/opened
EXPOSE 8080
CMD ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]
"#;

/// A template and a handler of a user, and what is ordered of them.
struct Yard {
    harbour: Harbour,
    folder: tempfile::TempDir,
    image: String,
    /// What no build before was told, so that no step's result is there already.
    greeting: String,
    order: Value,
}

impl Yard {
    fn open() -> Self {
        let harbour = Harbour::open();
        let folder = tempfile::tempdir().unwrap();
        write_function(folder.path());
        let url = harbour.server.url();
        let image = format!("{}/team/sent:1", url.strip_prefix("http://").unwrap());
        let greeting = folder.path().display().to_string();
        let order = json!({
            "URL": url,
            "PayloadSecret": kept(&harbour, "auth/payload-secret"),
            "Folder": folder.path(),
            "Language": "busy",
            "Config": {"image": image, "buildArgs": {"GREETING": greeting}},
        });
        Self {
            harbour,
            folder,
            image,
            greeting,
            order,
        }
    }

    /// Lets the last step of the build fail.
    fn spoil(&self) {
        let dockerfile = format!("{TEMPLATE}RUN echo the reason >&2; exit 3\n");
        fs_err::write(self.folder.path().join("template/busy/Dockerfile"), dockerfile).unwrap();
    }

    /// Sends the order with `more`; answers the results, of which there is at least one.
    fn send(&self, more: &Value) -> Vec<Value> {
        let output = self.sent(more);
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{talk}");
        let lines = String::from_utf8(output.stdout).unwrap();
        let results: Vec<Value> = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert!(!results.is_empty());
        results
    }

    /// Sends the order with `more`, which the SDK must call an error; answers what it calls it.
    fn fail(&self, more: &Value) -> String {
        let output = self.sent(more);
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    }

    fn sent(&self, more: &Value) -> Output {
        let mut order = self.order.clone();
        for (name, value) in more.as_object().unwrap() {
            order[name] = value.clone();
        }
        let mut child = Command::new(client().unwrap())
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut order_in = child.stdin.take().unwrap();
        order_in.write_all(order.to_string().as_bytes()).unwrap();
        drop(order_in);
        child.wait_with_output().unwrap()
    }

    /// Deploys the image, and answers what it serves.
    fn serves(&self, path: &str) -> Value {
        let function = self.folder.path().join("deployed");
        fs_err::create_dir_all(&function).unwrap();
        let manifest = "name: sent\nbuild: {type: image, from: unused}\n";
        fs_err::write(function.join("coracle.yaml"), manifest).unwrap();
        let folder = function.to_str().unwrap();
        self.harbour.succeed(&["deploy", folder, "--image", &self.image]);
        let (status, body) = get(&format!("{}/function/sent/{path}", self.harbour.server.url()));
        assert_eq!(status, 200, "{body}");
        body
    }
}

fn kept(harbour: &Harbour, name: &str) -> String {
    let text = fs_err::read_to_string(harbour.machine.data().join(name)).unwrap();
    text.trim().to_owned()
}

fn write_function(folder: &Path) {
    for name in ["template/busy/function", "handler"] {
        fs_err::create_dir_all(folder.join(name)).unwrap();
    }
    fs_err::copy(busybox(), folder.join("template/busy/busybox")).unwrap();
    for (name, text) in [
        ("template/busy/Dockerfile", TEMPLATE),
        ("template/busy/function/place", "nowhere"),
        ("handler/place", "the sea"),
    ] {
        fs_err::write(folder.join(name), text).unwrap();
    }
}

/// Answers all that the results say in their logs.
fn log(results: &[Value]) -> String {
    let lines = results.iter().filter_map(|result| result["log"].as_array());
    lines.flatten().filter_map(Value::as_str).collect()
}

#[test]
fn what_the_go_sdk_packs_and_signs_is_built_while_it_reads_along_and_runs() {
    let yard = Yard::open();
    let results = yard.send(&json!({"Stream": true}));
    let (last, before) = results.split_last().unwrap();
    assert!(
        before.iter().all(|result| result["status"] == "in_progress"),
        "{results:?}"
    );
    assert!(log(before).contains("mkdir /www"), "{results:?}");
    assert_eq!(
        last,
        &json!({"log": null, "image": yard.image, "status": "success"})
    );
    assert_eq!(yard.serves(""), format!("{} from the sea", yard.greeting));
}

#[test]
fn what_the_go_sdk_sends_without_reading_along_is_answered_at_once() {
    let yard = Yard::open();
    let results = yard.send(&json!({}));
    let [result] = results.as_slice() else {
        panic!("{results:?}");
    };
    assert_eq!(
        (&result["status"], &result["image"]),
        (&json!("success"), &json!(yard.image))
    );
    assert!(log(&results).contains("mkdir /www"), "{result}");
}

#[test]
fn secrets_that_the_go_sdk_seals_reach_the_step_and_nothing_else() {
    let yard = Yard::open();
    let results = yard.send(&json!({"Stream": true, "Secrets": {"token": "sesame"}}));
    assert_eq!(results.last().unwrap()["status"], "success", "{results:?}");
    assert!(!log(&results).contains("sesame"), "{results:?}");
    assert_eq!(yard.serves("opened"), true);
}

#[test]
fn a_build_that_fails_is_failed_for_the_go_sdk_too() {
    let yard = Yard::open();
    yard.spoil();
    let results = yard.send(&json!({"Stream": true}));
    let last = results.last().unwrap();
    assert_eq!(
        (&last["status"], &last["image"]),
        (&json!("failed"), &json!(yard.image))
    );
    assert!(last["error"].as_str().unwrap().contains("exit 3"), "{last}");
    assert!(log(&results).contains("the reason"), "{results:?}");
    let error = yard.fail(&json!({}));
    assert!(error.contains("responded with status code 422"), "{error}");
}

#[test]
fn the_go_sdk_with_another_payload_secret_is_refused() {
    let yard = Yard::open();
    for is_stream in [false, true] {
        let error = yard.fail(&json!({"PayloadSecret": "another", "Stream": is_stream}));
        assert!(error.contains("responded with status code 401"), "{error}");
    }
}
