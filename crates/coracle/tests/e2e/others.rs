//! Functions made of images that others built, from private registries and from the server's own.

use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coracle_peers::registry::{Options, Registry};
use serde_json::{Value, json};

use crate::foreign::{Foreign, Place};
use crate::harbour::{Harbour, get, succeeded};
use crate::machine::Machine;

/// What Debian's registry lets in, as a client shows it.
fn ada() -> String {
    format!("Basic {}", STANDARD.encode("ada:sesame"))
}

/// A registry that asks who comes, with a folder for everything.
struct Abroad {
    registry: Registry,
    folder: tempfile::TempDir,
}

impl Abroad {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            asks: true,
            ..Options::default()
        };
        Self {
            registry: Registry::start(folder.path(), options).unwrap(),
            folder,
        }
    }

    fn push(&self, image: &Foreign, tag: &str) {
        let place = Place {
            host: self.registry.host(),
            authorization: Some(&ada()),
        };
        image.push(&place, ("team/teller", tag));
    }

    /// Writes the manifest of a function of a pushed image, and answers its folder.
    fn function(&self, name: &str, tag: &str, more: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        fs_err::create_dir_all(&folder).unwrap();
        let image = format!("{}/team/teller:{tag}", self.registry.host());
        let text = format!("name: {name}\nbuild: {{type: image, from: '{image}'}}\n{more}\n");
        fs_err::write(folder.join("coracle.yaml"), text).unwrap();
        folder
    }
}

/// Stores a login on the server under the name `team`.
fn log_in(harbour: &Harbour, host: &str, password: &str) {
    let arguments = [
        "registry",
        "login",
        host,
        "--name",
        "team",
        "-u",
        "ada",
        "--password-stdin",
    ];
    let mut command = harbour.command(&arguments);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(password.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    succeeded(&output, &arguments);
}

fn about(harbour: &Harbour, name: &str) -> Value {
    let (status, body) = get(&format!("{}/function/{name}/cgi-bin/about", harbour.server.url()));
    assert_eq!(status, 200, "{body}");
    body
}

fn serving(run: &Value) -> Foreign {
    let mut whole = json!({"Entrypoint": ["/bin/start"], "Cmd": ["-p", "80"], "ExposedPorts": {"80/tcp": {}, "443/tcp": {}}});
    whole
        .as_object_mut()
        .unwrap()
        .extend(run.as_object().unwrap().clone());
    Foreign::telling(whole)
}

#[test]
fn two_functions_of_a_private_image_share_a_credential_that_is_replaced_at_once_and_stays_while_it_is_used() {
    let (harbour, abroad) = (Harbour::open(), Abroad::open());
    let host = abroad.registry.host();
    abroad.push(&serving(&json!({})), "1");
    let nobody = abroad.function("nobody", "1", "");
    let talk = harbour.fail(1, &["deploy", nobody.to_str().unwrap()]);
    assert!(
        talk.contains("refuses anonymous access") && talk.contains("registry: NAME"),
        "{talk}"
    );
    let one = abroad.function("one", "1", "registry: team");
    let two = abroad.function("two", "1", "registry: team");
    let (one, two) = (one.to_str().unwrap(), two.to_str().unwrap());
    let talk = harbour.fail(1, &["deploy", one]);
    assert!(talk.contains("no stored credential `team`"), "{talk}");

    log_in(&harbour, host, "wrong");
    let talk = harbour.fail(1, &["deploy", one]);
    for part in ["cannot pull", "refuses these credentials", "--name team"] {
        assert!(talk.contains(part), "{talk}");
    }
    assert!(!talk.contains("wrong"), "{talk}");
    log_in(&harbour, host, "sesame\n");
    for (name, folder) in [("one", one), ("two", two)] {
        harbour.succeed(&["deploy", folder]);
        assert_eq!(about(&harbour, name)["user"], "0:0");
    }
    let revision = &harbour.report(&["revisions", "one"])[0];
    assert_eq!(revision["reference"], format!("{host}/team/teller:1"));

    let listed = harbour.report(&["registry", "ls"]);
    assert_eq!(listed, json!([{"registry": host, "user": "ada", "name": "team"}]));
    let talk = harbour.fail(1, &["registry", "rm", "team"]);
    assert!(talk.contains("in use by `one`, `two`"), "{talk}");

    // What is there already needs no registry; another tag does.
    abroad.push(&serving(&json!({"Env": ["GREETING=ahoy"]})), "2");
    abroad.function("one", "2", "registry: team");
    log_in(&harbour, host, "stale");
    harbour.fail(1, &["deploy", one]);
    assert_eq!(about(&harbour, "one")["greeting"], "", "what served serves on");
    log_in(&harbour, host, "sesame");
    harbour.succeed(&["deploy", one]);
    assert_eq!(about(&harbour, "one")["greeting"], "ahoy");

    let harbour = harbour.reopen();
    assert_eq!(about(&harbour, "two")["user"], "0:0", "after a restart too");
    harbour.succeed(&["rm", "one", "two"]);
    harbour.succeed(&["registry", "rm", "team"]);
    assert!(!harbour.server.said().contains("sesame"));
    harbour.close();
}

#[test]
fn an_image_of_others_runs_as_its_configuration_and_the_manifest_say() {
    let (harbour, abroad) = (Harbour::open(), Abroad::open());
    log_in(&harbour, abroad.registry.host(), "sesame");
    let deploy = |name: &str, run: Value, more: &str| {
        abroad.push(&serving(&run), name);
        let folder = abroad.function(name, name, &format!("registry: team\n{more}"));
        harbour.succeed(&["deploy", folder.to_str().unwrap()]);
        about(&harbour, name)
    };
    let root = deploy("root", json!({}), "");
    assert_eq!(root["port"], "80", "the lowest that it exposes");
    assert_eq!(
        (&root["home"], &root["host"], &root["folder"]),
        (&json!("/root"), &json!("root"), &json!("/"))
    );
    let files = root["files"].as_str().unwrap();
    assert!(
        files.contains("passwd") && !files.contains("gone"),
        "what a layer removes is gone: {files}"
    );

    let web = deploy(
        "web",
        json!({"User": "web", "WorkingDir": "/srv/work", "Volumes": {"/data": {}}}),
        "",
    );
    assert_eq!((&web["user"], &web["groups"]), (&json!("33:34"), &json!("34 50")));
    assert_eq!(
        (&web["home"], &web["folder"]),
        (&json!("/srv/web"), &json!("/srv/work"))
    );
    assert_eq!(web["volume"], "kept");
    let group = deploy("group", json!({"User": "web:extra", "Env": ["HOME=/here"]}), "");
    assert_eq!(
        (&group["user"], &group["groups"], &group["home"]),
        (&json!("33:50"), &json!("50"), &json!("/here"))
    );

    let made = deploy(
        "made",
        json!({"Volumes": {"/data": {}, "/made/here": {}}, "Env": ["GREETING=theirs"]}),
        "command: [-p, '8081']\nport: 8081\nenv: {GREETING: ours}",
    );
    assert_eq!(
        (&made["port"], &made["greeting"]),
        (&json!("8081"), &json!("ours"))
    );
    let replaced = deploy(
        "replaced",
        json!({"Cmd": ["never", "used"]}),
        "entrypoint: [/bin/busybox, httpd, -f, -p, '80', -h, /www]",
    );
    assert_eq!(replaced["folder"], "", "another program began");
    harbour.close();
}

#[test]
fn an_image_for_other_processors_or_one_that_is_not_there_is_refused() {
    let (harbour, abroad) = (Harbour::open(), Abroad::open());
    log_in(&harbour, abroad.registry.host(), "sesame");
    abroad.push(&serving(&json!({})).for_others(), "1");
    for (tag, expected) in [("1", "but for linux/riscv64"), ("2", "is not in the registry")] {
        let folder = abroad.function("teller", tag, "registry: team");
        let talk = harbour.fail(1, &["deploy", folder.to_str().unwrap()]);
        assert!(talk.contains(expected), "{talk}");
    }
    let elsewhere = format!(
        "build: {{type: image, from: '{}/x'}}\nregistry: team\n",
        "localhost:9"
    );
    let folder = abroad.function("teller", "1", "");
    fs_err::write(folder.join("coracle.yaml"), elsewhere).unwrap();
    let talk = harbour.fail(1, &["deploy", folder.to_str().unwrap()]);
    assert!(talk.contains("the credential `team` is for"), "{talk}");
    assert_eq!(harbour.report(&["ls"]), json!([]));
    harbour.close();
}

#[test]
fn an_image_of_the_servers_own_registry_needs_no_credentials() {
    let harbour = Harbour::open();
    let password = fs_err::read_to_string(harbour.machine.data().join("auth/admin-password")).unwrap();
    let authorization = format!("Basic {}", STANDARD.encode(format!("admin:{}", password.trim())));
    let host = harbour.server.url().strip_prefix("http://").unwrap();
    let place = Place {
        host,
        authorization: Some(&authorization),
    };
    serving(&json!({})).push(&place, ("boats/teller", "1"));
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("teller.yaml");
    fs_err::write(&manifest, "name: teller\n").unwrap();
    let manifest = manifest.to_str().unwrap();
    let deploy = |tag: &str| {
        let image = format!("{host}/boats/teller:{tag}");
        let arguments = [
            "deploy",
            folder.path().to_str().unwrap(),
            "--file",
            manifest,
            "--image",
            &image,
        ];
        harbour.run(&arguments)
    };
    succeeded(&deploy("1"), &["deploy"]);
    assert_eq!(about(&harbour, "teller")["user"], "0:0");
    let missing = deploy("2");
    let talk = String::from_utf8_lossy(&missing.stderr);
    assert!(talk.contains("is not in this server's registry"), "{talk}");
    harbour.close();
}

#[test]
fn up_pulls_an_image_with_the_credentials_of_whoever_calls_it() {
    let (machine, abroad) = (Machine::with_shared_store(), Abroad::open());
    abroad.push(&serving(&json!({"User": "web"})), "1");
    let folder = abroad.function("teller", "1", "registry: team");
    let config = abroad.folder.path().join("docker");
    fs_err::create_dir(&config).unwrap();
    let up = |path: &str| {
        let mut command = machine.command(&["up", folder.to_str().unwrap(), "--call", path]);
        command
            .env("DOCKER_CONFIG", &config)
            .env("XDG_CONFIG_HOME", &config);
        command.output().unwrap()
    };
    let talk = String::from_utf8(up("/").stderr).unwrap();
    assert!(talk.contains("refuses anonymous access"), "{talk}");
    let auths = json!({"auths": {abroad.registry.host(): {"auth": STANDARD.encode("ada:sesame")}}});
    fs_err::write(config.join("config.json"), auths.to_string()).unwrap();
    let answer = succeeded(&up("/cgi-bin/about"), &["up"]);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["user"], "33:34");
}
