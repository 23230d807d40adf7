//! How images get into a server's store, by pull and by push, and when they leave it.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coracle_peers::registry::{Options, Registry};
use serde_json::{Value, json};

use crate::foreign::{Foreign, Place};
use crate::harbour::{Harbour, get, get_as, succeeded};
use crate::machine::Machine;
use crate::ship::Ship;

/// How long a server may take to let go of a removed function.
const PATIENCE: Duration = Duration::from_mins(1);

impl Harbour {
    fn host(&self) -> &str {
        self.server.url().strip_prefix("http://").unwrap()
    }

    fn password(&self) -> String {
        let text = fs_err::read_to_string(self.machine.data().join("auth/admin-password")).unwrap();
        text.trim().to_owned()
    }

    fn authorization(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("admin:{}", self.password())))
    }

    /// Asks the server's registry for a manifest, and answers the status.
    fn manifest(&self, repository: &str, reference: &str) -> u16 {
        let url = format!("{}/v2/{repository}/manifests/{reference}", self.server.url());
        get_as(&url, &self.authorization()).0
    }

    /// Answers whether the store has a blob.
    fn has(&self, digest: &str) -> bool {
        self.blobs()
            .join(digest.strip_prefix("sha256:").unwrap())
            .exists()
    }

    fn blobs(&self) -> std::path::PathBuf {
        self.machine.data().join("store/blobs/sha256")
    }

    fn collect(&self, flags: &[&str]) {
        self.succeed(&[&["cache", "gc"], flags].concat());
    }

    /// Lets all blobs look as if they were last used two days ago.
    fn let_two_days_pass(&self) {
        let then = SystemTime::now() - Duration::from_hours(48);
        for entry in fs_err::read_dir(self.blobs()).unwrap() {
            let file = fs_err::OpenOptions::new()
                .append(true)
                .open(entry.unwrap().path())
                .unwrap();
            file.file().set_modified(then).unwrap();
        }
    }

    /// Collects what was not used for a day until an image is gone: the server may still be ending instances of it.
    fn goes_at_last(&self, digest: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.has(digest) {
            assert!(Instant::now() < deadline, "the image is never collected");
            self.let_two_days_pass();
            self.collect(&["--older-than", "1d"]);
        }
    }

    fn serves(&self, name: &str) {
        let url = format!("{}/function/{name}/cgi-bin/about", self.server.url());
        let (status, body) = get(&url);
        assert_eq!(status, 200, "{name}: {body}");
    }
}

fn teller(greeting: &str) -> Foreign {
    let greeting = format!("GREETING={greeting}");
    Foreign::telling(
        json!({"Entrypoint": ["/bin/start"], "Cmd": ["-p", "80"], "ExposedPorts": {"80/tcp": {}}, "Env": [greeting]}),
    )
}

/// Writes the manifest of a function, and answers its folder.
fn function(folder: &Path, name: &str) -> String {
    let folder = folder.join(name);
    fs_err::create_dir_all(&folder).unwrap();
    let text = format!("name: {name}\nbuild: {{type: image, from: unused}}\n");
    fs_err::write(folder.join("coracle.yaml"), text).unwrap();
    folder.to_str().unwrap().to_owned()
}

#[test]
fn a_pulled_image_goes_with_its_last_function_once_it_is_old_and_a_tagged_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::start(folder.path(), Options::default()).unwrap();
    let abroad = Place {
        host: registry.host(),
        authorization: None,
    };
    teller("hello").push(&abroad, ("team/teller", "1"));
    let harbour = Harbour::on(Machine::empty());
    let authorization = harbour.authorization();
    let own = Place {
        host: harbour.host(),
        authorization: Some(&authorization),
    };
    teller("ahoy").push(&own, ("boats/teller", "1"));

    let name = format!("{}/team/teller:1", registry.host());
    let [one, two] = ["one", "two"].map(|name| function(folder.path(), name));
    let image = harbour.report(&["deploy", &one, "--image", &name])["image"].clone();
    let image = image.as_str().unwrap();
    harbour.report(&["deploy", &two, "--image", &name]);
    assert_eq!(harbour.manifest("functions/default/two", image), 200);

    // What functions are made of stays, however old it is, and for one of them as for two.
    harbour.let_two_days_pass();
    harbour.collect(&["--older-than", "1d"]);
    harbour.collect(&["--all"]);
    harbour.succeed(&["rm", "one"]);
    harbour.let_two_days_pass();
    harbour.collect(&["--all"]);
    harbour.serves("two");
    assert_eq!(harbour.manifest("functions/default/one", image), 404);

    // Without any, it stays while the limits allow it.
    harbour.succeed(&["rm", "two"]);
    harbour.collect(&[]);
    assert!(harbour.has(image));
    harbour.goes_at_last(image);
    assert_eq!(harbour.manifest("functions/default/two", image), 404);

    // What has a tag stays whatever is collected, and runs.
    harbour.let_two_days_pass();
    harbour.collect(&["--all"]);
    let tagged = format!("{}/boats/teller:1", harbour.host());
    harbour.succeed(&["deploy", &one, "--image", &tagged]);
    harbour.serves("one");
    harbour.close();
}

#[test]
fn what_is_deployed_is_sent_once_and_is_in_the_servers_registry() {
    let harbour = Harbour::on(Machine::empty());
    let author = Machine::with_shared_store();
    let home = author.data().join("config");
    let socket = format!("unix:{}", harbour.machine.data().join("coracle.sock").display());
    let deploy = |folder: &str, server: &str, password: &str| {
        let mut command = author.command(&["deploy", folder, "--json"]);
        command
            .env("XDG_CONFIG_HOME", &home)
            .env("CORACLE_SERVER", server)
            .env("CORACLE_PASSWORD", password);
        let output = command.output().unwrap();
        let report = succeeded(&output, &["deploy", folder]);
        let talk = String::from_utf8(output.stderr).unwrap();
        let report: Value = serde_json::from_str(&report).unwrap();
        (report["image"].as_str().unwrap().to_owned(), talk)
    };

    let ship = Ship::new();
    let (image, talk) = deploy(ship.folder(), &socket, "");
    assert!(talk.contains("layer") && talk.contains(": done"), "{talk}");
    assert_eq!(harbour.ask("/").0, 200);
    assert_eq!(harbour.manifest("functions/default/ship", &image), 200);
    assert_eq!(harbour.manifest("functions/default/other", &image), 404);

    // Over the network, for another function too: the server has it all.
    let other = Ship::new().named("other");
    for folder in [ship.folder(), other.folder()] {
        let (_, talk) = deploy(folder, harbour.server.url(), &harbour.password());
        assert!(!talk.contains("layer"), "{talk}");
    }
    harbour.close();
}

#[test]
fn on_one_machine_nothing_is_copied_and_collections_leave_nothing_of_what_was_deployed() {
    let harbour = Harbour::open();
    let ship = Ship::new();
    let output = harbour.run(&["deploy", ship.folder()]);
    succeeded(&output, &["deploy"]);
    let talk = String::from_utf8(output.stderr).unwrap();
    assert!(!talk.contains(": done"), "{talk}");
    harbour.succeed(&["rm", "ship"]);
    let repositories = harbour.machine.data().join("registry/repositories");
    assert_eq!(fs_err::read_dir(repositories).unwrap().count(), 0);
    harbour.close();
}
