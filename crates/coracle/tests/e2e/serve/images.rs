//! The server as an image registry, for users who are logged in to it.

use crate::harbour::{Harbour, succeeded};
use crate::machine::Machine;

/// A folder that is built in no time.
fn bottle() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("Dockerfile"), "FROM scratch\nLABEL a=b\n").unwrap();
    folder
}

#[test]
fn a_login_to_a_server_is_one_to_its_registry_and_to_no_other() {
    let harbour = Harbour::open();
    let (url, folder) = (harbour.server.url(), bottle());
    let host = url.strip_prefix("http://").unwrap();
    let image = format!("{host}/team/bottle:1");
    let build = [
        "build",
        folder.path().to_str().unwrap(),
        "--tag",
        &image,
        "--push",
    ];
    let refused = harbour.fail(1, &build);
    assert!(refused.contains("refuses anonymous access"), "{refused}");

    let password = harbour.machine.data().join("auth/admin-password");
    harbour.succeed(&["login", url, "--password-file", password.to_str().unwrap()]);
    harbour.succeed(&build);
    let other = format!("{host}/team/other:1");
    harbour.succeed(&["image", "push", &image, &other]);
    let elsewhere = Machine::empty();
    let pull = ["image", "pull", &other];
    let mut command = elsewhere.command(&pull);
    command.env("XDG_CONFIG_HOME", harbour.machine.data().join("config"));
    succeeded(&command.output().unwrap(), &pull);

    let stranger = Harbour::open();
    let there = stranger.server.url().strip_prefix("http://").unwrap();
    let refused = harbour.fail(1, &["image", "pull", &format!("{there}/team/bottle:1")]);
    assert!(refused.contains("refuses anonymous access"), "{refused}");
    stranger.close();
    harbour.close();
}
