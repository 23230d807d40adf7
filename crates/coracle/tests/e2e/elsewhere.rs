//! Build contexts on their way to other builders: to a server that builds them, and to a folder.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use serde_json::json;

use crate::harbour::{Harbour, get_as};
use crate::machine::Machine;

const DOCKERFILE: &str = "FROM scratch\nARG PLACE=/nowhere\nCOPY . $PLACE\n";

/// A folder whose Dockerfile has another name, and with it what `.dockerignore` names and what a plain copy would spoil.
fn project(dockerfile: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs_err::create_dir_all(path("src/empty")).unwrap();
    for (name, text) in [
        ("prod.build", dockerfile),
        (".dockerignore", "*.log\n*.build\n.dockerignore\nDockerfile\n"),
        ("Dockerfile", "FROM another\n"),
        ("noise.log", "noise"),
        ("src/run.sh", "#!/bin/sh\n"),
    ] {
        fs_err::write(path(name), text).unwrap();
    }
    fs_err::set_permissions(path("src/run.sh"), std::fs::Permissions::from_mode(0o750)).unwrap();
    symlink("src/run.sh", path("start")).unwrap();
    fs_err::hard_link(path("src/run.sh"), path("twin")).unwrap();
    folder
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

#[test]
fn a_context_is_built_elsewhere_and_a_failure_there_is_one_here() {
    let harbour = Harbour::open();
    let url = harbour.server.url();
    let image = format!("{}/team/cargo:1", url.strip_prefix("http://").unwrap());
    let secret = harbour.machine.data().join("auth/payload-secret");
    let build = |folder: &Path, secret: &Path| {
        let file = folder.join("prod.build");
        let (folder, file, secret) = (folder.display(), file.display(), secret.display());
        format!(
            "build {folder} --file {file} --remote {url} --payload-secret {secret} --tag {image} --build-arg PLACE=/hold"
        )
    };

    let good = project(DOCKERFILE);
    let said = harbour.succeed(&words(&build(good.path(), &secret)));
    assert_eq!(said, format!("{image}\n"));
    let password = fs_err::read_to_string(harbour.machine.data().join("auth/admin-password")).unwrap();
    let manifest = format!("{url}/v2/team/cargo/manifests/1");
    let (status, manifest) = get_as(&manifest, &format!("Bearer {}", password.trim()));
    assert_eq!(status, 200, "{manifest}");

    let bad = project("FROM scratch\nCOPY absent /\n");
    let talk = harbour.fail(1, &words(&build(bad.path(), &secret)));
    assert!(
        talk.contains("failed on the server") && talk.contains("absent"),
        "{talk}"
    );

    let wrong = bad.path().join("noise.log");
    let talk = harbour.fail(1, &words(&build(good.path(), &wrong)));
    assert!(
        talk.contains("hint: ") && talk.contains("auth/payload-secret"),
        "{talk}"
    );
}

#[test]
fn a_context_is_exported_as_its_build_would_see_it() {
    let machine = Machine::empty();
    let folder = project(DOCKERFILE);
    let out = tempfile::tempdir().unwrap();
    let dest = out.path().join("context");
    let at = |name: &str| dest.join(name);
    let run = |arguments: &[&str]| {
        let folders = [folder.path().to_str().unwrap(), dest.to_str().unwrap()];
        machine
            .command(&[&["export"], &folders[..], arguments].concat())
            .output()
            .unwrap()
    };
    let dockerfile = folder.path().join("prod.build");
    let done = run(&["--json", "--file", dockerfile.to_str().unwrap()]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let report: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(report["files"], json!(4), "{report}");

    let mut names: Vec<_> = fs_err::read_dir(&dest)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, [".dockerignore", "Dockerfile", "src", "start", "twin"]);
    assert_eq!(fs_err::read_to_string(at("Dockerfile")).unwrap(), DOCKERFILE);
    assert_eq!(fs_err::read_link(at("start")).unwrap(), Path::new("src/run.sh"));
    let mode = fs_err::metadata(at("twin")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o750);
    assert!(at("src/empty").is_dir());

    let again = run(&[]);
    assert_eq!(again.status.code(), Some(1));
    fs_err::remove_dir_all(&dest).unwrap();
    fs_err::remove_file(folder.path().join("Dockerfile")).unwrap();
    let talk = String::from_utf8(run(&[]).stderr).unwrap();
    assert!(
        talk.contains("is built without a Dockerfile") && talk.contains("`coracle build`"),
        "{talk}"
    );
    assert!(!dest.exists());
}
