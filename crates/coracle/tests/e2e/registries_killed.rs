//! Pulls and pushes that end in the middle, by a kill, by Ctrl-C or for want of room, and collections that come in between:
//! stores and registries stay sound, nothing lies about, and the next one succeeds.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coracle_spec::Digest;
use serde_json::{Value, json};

use crate::bounds::Disk;
use crate::harbour::{Harbour, get, get_as};
use crate::machine::{Machine, signal};
use crate::quay::Quay;
use crate::sluice::{Sluice, Way};

/// How long a layer may take to arrive.
const PATIENCE: Duration = Duration::from_mins(5);

/// The layers' sizes. What a connection passes before it stands still is between them; of the larger one, more is left
/// then than systems keep of a connection.
const SMALL: usize = 1 << 20;
const LARGE: usize = 16 << 20;
const SHUT: u64 = 4 << 20;

/// A server whose registry is reached through a sluice, too, and those who may.
struct Shore {
    harbour: Harbour,
    sluice: Sluice,
    logins: tempfile::TempDir,
}

/// An image in a registry.
struct Landed {
    digest: Digest,
    small: Digest,
    large: u64,
}

impl Shore {
    fn with_sluice(way: Way) -> Self {
        Self::of(Harbour::on(Machine::empty()), way)
    }

    fn of(harbour: Harbour, way: Way) -> Self {
        let host = harbour.server.url().strip_prefix("http://").unwrap();
        let sluice = Sluice::shut_after(SHUT, way, host);
        let logins = tempfile::tempdir().unwrap();
        let login = json!({"auth": STANDARD.encode(format!("admin:{}", password(&harbour)))});
        let known = json!({"auths": {host: login, sluice.host(): login}});
        fs_err::write(logins.path().join("config.json"), known.to_string()).unwrap();
        Self {
            harbour,
            sluice,
            logins,
        }
    }

    /// Answers the image's name in the registry, straight on.
    fn boat(&self) -> String {
        format!(
            "{}/team/boat:1",
            self.harbour.server.url().strip_prefix("http://").unwrap()
        )
    }

    /// Answers the image's name in the registry, through the sluice.
    fn boat_upstream(&self) -> String {
        format!("{}/team/boat:1", self.sluice.host())
    }

    fn command(&self, machine: &Machine, arguments: &[&str]) -> Command {
        let mut command = machine.command(arguments);
        command.env("DOCKER_CONFIG", self.logins.path());
        command
    }

    fn does(&self, machine: &Machine, arguments: &[&str]) -> String {
        ended(self.command(machine, arguments).output().unwrap(), 0).0
    }

    fn starts(&self, machine: &Machine, arguments: &[&str]) -> Child {
        let mut command = self.command(machine, arguments);
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Asks the registry, and answers the status and the body.
    fn asks(&self, path: &str) -> (u16, Value) {
        let url = format!("{}/v2/team/boat/{path}", self.harbour.server.url());
        get_as(&url, &format!("Bearer {}", password(&self.harbour)))
    }

    /// Puts the image into the registry.
    fn lands(&self) -> Landed {
        let machine = Machine::empty();
        built(&machine, &self.boat());
        self.does(&machine, &["image", "push", &self.boat()]);
        self.landed()
    }

    /// Looks at the image that is in the registry.
    fn landed(&self) -> Landed {
        let (status, manifest) = self.asks("manifests/1");
        assert_eq!(status, 200, "{manifest}");
        let digest = |layer: &Value| layer["digest"].as_str().unwrap().parse().unwrap();
        let pulled = self.does(&Machine::empty(), &["image", "pull", &self.boat()]);
        Landed {
            digest: pulled.trim().parse().unwrap(),
            small: digest(&manifest["layers"][0]),
            large: manifest["layers"][1]["size"].as_u64().unwrap(),
        }
    }

    /// Starts a pull; answers it when the small layer has arrived and the large one stands still.
    fn pulls_half(&self, machine: &Machine, landed: &Landed) -> Child {
        let child = self.starts(machine, &["image", "pull", &self.boat_upstream()]);
        self.sluice.stands_still();
        let deadline = Instant::now() + PATIENCE;
        while !has(machine, &landed.small) {
            assert!(Instant::now() < deadline, "the small layer never arrives");
            thread::yield_now();
        }
        assert_eq!(scratch(machine).len(), 1, "the large layer is in the making");
        child
    }
}

fn password(harbour: &Harbour) -> String {
    let text = fs_err::read_to_string(harbour.machine.data().join("auth/admin-password")).unwrap();
    text.trim().to_owned()
}

/// Builds an image of two layers.
fn built(machine: &Machine, name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let dockerfile = "FROM scratch\nCOPY small /\nCOPY large /\n";
    fs_err::write(folder.path().join("Dockerfile"), dockerfile).unwrap();
    for (name, size) in [("small", SMALL), ("large", LARGE)] {
        fs_err::write(folder.path().join(name), noise(size)).unwrap();
    }
    machine.succeed(&["build", folder.path().to_str().unwrap(), "--tag", name]);
}

/// Bytes that no compression makes smaller.
fn noise(size: usize) -> Vec<u8> {
    let mut state = size as u64;
    let mut bytes = Vec::with_capacity(size);
    while bytes.len() < size {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        bytes.extend_from_slice(&state.to_be_bytes()[..4]);
    }
    bytes
}

/// Answers what a program said that ended with exit code `code`.
fn ended(output: Output, code: i32) -> (String, String) {
    let talk = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{talk}");
    (String::from_utf8(output.stdout).unwrap(), talk)
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Ends it as Ctrl-C does, and answers how it complained.
fn interrupt(child: Child) -> String {
    signal(child.id(), "INT");
    let (_, talk) = ended(child.wait_with_output().unwrap(), 75);
    talk[talk.find("error:").unwrap()..].trim().to_owned()
}

fn has(machine: &Machine, digest: &Digest) -> bool {
    machine
        .data()
        .join("store/blobs/sha256")
        .join(digest.hex())
        .exists()
}

fn scratch(machine: &Machine) -> Vec<PathBuf> {
    entries(&machine.data().join("store/scratch"))
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Checks that each blob of a store is what it is called, and that nothing is half there.
fn is_sound(machine: &Machine) {
    for blob in entries(&machine.data().join("store/blobs/sha256")) {
        let digest = Digest::of(fs_err::read(&blob).unwrap());
        assert_eq!(digest.hex(), blob.file_name().unwrap().to_str().unwrap());
    }
    assert_eq!(scratch(machine), Vec::<PathBuf>::new());
}

#[test]
fn a_pull_that_is_killed_in_the_middle_goes_on_with_the_layers_that_had_not_arrived() {
    let (shore, here) = (Shore::with_sluice(Way::Down), Machine::empty());
    let landed = shore.lands();
    kill(shore.pulls_half(&here, &landed));
    assert_eq!(here.succeed(&["image", "ls", "--json"]), "[]\n");
    is_sound(&here);
    let before = shore.sluice.passed();
    shore.sluice.open();
    let pulled = shore.does(&here, &["image", "pull", &shore.boat_upstream()]);
    assert_eq!(pulled.trim(), landed.digest.to_string());
    let moved = shore.sluice.passed() - before;
    assert!(
        moved < landed.large + SMALL as u64,
        "{moved}: the small layer again"
    );
    is_sound(&here);
}

#[test]
fn ctrl_c_ends_a_pull_and_a_push_at_once_and_leaves_nothing() {
    let (shore, here) = (Shore::with_sluice(Way::Down), Machine::empty());
    let landed = shore.lands();
    let said = interrupt(shore.pulls_half(&here, &landed));
    insta::assert_snapshot!(said, @r"
    error: pulling was interrupted
      hint: the next time goes on from the layers that had arrived
    ");
    is_sound(&here);

    let (shore, here) = (Shore::with_sluice(Way::Up), Machine::empty());
    built(&here, &shore.boat_upstream());
    let push = shore.starts(&here, &["image", "push", &shore.boat_upstream()]);
    shore.sluice.stands_still();
    let said = interrupt(push);
    insta::assert_snapshot!(said, @r"
    error: pushing was interrupted
      hint: the next time goes on from the layers that had arrived
    ");
    is_sound(&here);
}

#[test]
fn a_push_that_is_killed_in_the_middle_leaves_no_half_blob_and_the_next_one_succeeds() {
    let (shore, here) = (Shore::with_sluice(Way::Up), Machine::empty());
    let boat = shore.boat_upstream();
    built(&here, &boat);
    let push = shore.starts(&here, &["image", "push", &boat]);
    shore.sluice.stands_still();
    kill(push);
    assert_eq!(shore.asks("manifests/1").0, 404);
    shore.sluice.open();
    is_sound(&shore.harbour.machine);

    shore.does(&here, &["image", "push", &boat]);
    is_sound(&here);
    is_sound(&shore.harbour.machine);
    let landed = shore.landed();
    assert!(has(&shore.harbour.machine, &landed.small));
}

#[test]
fn a_registry_that_is_killed_in_the_middle_of_a_push_has_no_half_blob_and_the_next_push_succeeds() {
    let (shore, here) = (Shore::with_sluice(Way::Up), Machine::empty());
    let boat = shore.boat_upstream();
    built(&here, &boat);
    let push = shore.starts(&here, &["image", "push", &boat]);
    shore.sluice.stands_still();
    let again = Shore::of(shore.harbour.reopen_after_kill(), Way::Up);
    kill(push);
    let uploads = entries(&again.harbour.machine.data().join("store/uploads"));
    let arrived = fs_err::metadata(&uploads[0]).unwrap().len();
    assert!(arrived < LARGE as u64, "{arrived}: it was not in the middle");
    is_sound(&again.harbour.machine);

    again.does(&here, &["image", "push", &boat, &again.boat()]);
    is_sound(&again.harbour.machine);
    again.landed();
}

#[test]
fn a_collection_in_the_middle_of_a_pull_takes_nothing_that_has_arrived() {
    let (shore, here) = (Shore::with_sluice(Way::Down), Machine::empty());
    let landed = shore.lands();
    let pull = shore.pulls_half(&here, &landed);
    here.succeed(&["cache", "gc", "--all"]);
    assert!(has(&here, &landed.small), "the small layer was collected");
    shore.sluice.open();
    let (digest, _) = ended(pull.wait_with_output().unwrap(), 0);
    assert_eq!(digest.trim(), landed.digest.to_string());
    is_sound(&here);

    // Named, it stays; without its name, it goes.
    here.succeed(&["cache", "gc", "--all"]);
    here.succeed(&["image", "inspect", &shore.boat_upstream()]);
    here.succeed(&["image", "rm", &shore.boat_upstream()]);
    here.succeed(&["cache", "gc", "--all"]);
    assert!(!has(&here, &landed.small));
}

#[test]
fn a_full_disk_ends_a_pull_with_what_to_do_and_the_next_one_succeeds_when_there_is_room() {
    let shore = Shore::with_sluice(Way::Down);
    shore.sluice.open();
    let landed = shore.lands();
    let disk = Disk::of(c"size=12m");
    let here = Machine::at(disk.path());
    let pull = ["image", "pull", &shore.boat_upstream()];
    let (_, talk) = ended(shore.command(&here, &pull).output().unwrap(), 75);
    assert!(talk.to_lowercase().contains("no space left"), "{talk}");
    assert!(talk.contains("`coracle cache gc`"), "{talk}");
    is_sound(&here);
    disk.grow("size=64m");
    assert_eq!(shore.does(&here, &pull).trim(), landed.digest.to_string());
    is_sound(&here);
}

#[test]
fn a_collection_in_the_middle_of_a_deploy_takes_nothing_of_the_image_that_is_pulled() {
    let (quay, harbour) = (Quay::new(), Harbour::on(Machine::empty()));
    let function = tempfile::tempdir().unwrap();
    let manifest = format!("name: teller\nbuild: {{type: image, from: '{}'}}\n", quay.image());
    fs_err::write(function.path().join("coracle.yaml"), manifest).unwrap();
    let deploy = ["deploy", function.path().to_str().unwrap()];
    thread::scope(|scope| {
        let deploying = scope.spawn(|| harbour.succeed(&deploy));
        quay.sluice.stands_still();
        harbour.succeed(&["cache", "gc", "--all"]);
        quay.sluice.open();
        deploying.join().unwrap();
    });
    let url = format!("{}/function/teller/cgi-bin/about", harbour.server.url());
    assert_eq!(get(&url).0, 200);
}
