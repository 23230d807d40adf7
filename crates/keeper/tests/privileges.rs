//! What is said where there can be no sandboxes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "test code"
)]

use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use coracle_sandbox::Refusal;
use coracle_sandbox::wire::{Connection, Event};
use coracle_spec::{Class, Failure};

const NOBODY: u32 = 65_534;

/// Starts a keeper that cannot be one, and answers what it says.
fn refusal(keeper: &mut Command, directory: &Path) -> Refusal {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let status = keeper
        .args([directory.join("run").as_os_str(), "0".as_ref()])
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .status()
        .expect("the test needs root, to become nobody, and `setpriv`: install util-linux");
    assert!(status.success());
    let event = Connection::new(ours.into()).receive::<Event>().unwrap();
    match event.unwrap().message {
        Event::Unable(refusal) => refusal,
        event => panic!("{event:?}"),
    }
}

#[test]
fn without_root_the_error_says_so() {
    // Where nobody may walk to.
    let directory = tempfile::Builder::new()
        .permissions(PermissionsExt::from_mode(0o755))
        .tempdir()
        .unwrap();
    let program = directory.path().join("keeper");
    // Not by this process: a file that it writes cannot be executed while a child forked meanwhile holds it open.
    let copied = Command::new("cp")
        .args([env!("CARGO_BIN_EXE_coracle-keeper").as_ref(), program.as_os_str()])
        .status();
    assert!(copied.is_ok_and(|status| status.success()));
    let mut keeper = Command::new(&program);
    keeper.uid(NOBODY).gid(NOBODY);
    let refusal = refusal(&mut keeper, directory.path());
    assert_eq!(refusal.to_string(), "sandboxes need root");
    assert_eq!(refusal.class(), Class::User);
    assert!(refusal.hint().unwrap().contains("sudo"));
    assert!(!directory.path().join("run").exists());
}

#[test]
fn root_without_the_capability_to_mount_is_told_what_it_lacks() {
    let directory = tempfile::tempdir().unwrap();
    let mut keeper = Command::new("setpriv");
    keeper.args(["--bounding-set=-sys_admin", env!("CARGO_BIN_EXE_coracle-keeper")]);
    let refusal = refusal(&mut keeper, directory.path());
    assert!(refusal.to_string().contains("CAP_SYS_ADMIN"), "{refusal:?}");
    assert_eq!(refusal.class(), Class::User);
    assert!(refusal.hint().unwrap().contains("--privileged"), "{refusal:?}");
}

#[test]
fn called_by_hand_it_is_no_keeper() {
    for arguments in [&[][..], &["/nowhere", "0"]] {
        let status = Command::new(env!("CARGO_BIN_EXE_coracle-keeper"))
            .args(arguments)
            .stdin(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(2), "{arguments:?}");
    }
}
