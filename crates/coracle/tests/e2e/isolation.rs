//! What a function cannot do, tried by a function: the whole way from its source, through the builder and the server.
//!
//! The keeper's own tests try every call that could lead out of a sandbox; here it is what an author may write.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};

use crate::harbour::{Harbour, get};
use crate::left::Keepers;
use crate::ship::Ship;

/// Answers how an attempt of the ship's ended.
fn attempt(harbour: &Harbour, name: &str, argument: &str) -> String {
    let answer = harbour.answer(&format!("/attempt/{name}?{argument}"));
    answer["outcome"].as_str().unwrap().to_owned()
}

/// Expects that each attempt ends with one of its errors.
fn all_fail(harbour: &Harbour, attempts: &[(&str, &str, &[&str])]) {
    let mut succeeded = Vec::new();
    for (name, argument, errors) in attempts {
        let outcome = attempt(harbour, name, argument);
        if !errors.contains(&outcome.as_str()) {
            succeeded.push(format!("{name} {argument}: {outcome}"));
        }
    }
    assert!(succeeded.is_empty(), "{succeeded:#?}");
}

const PERMISSION: &[&str] = &["EPERM", "EACCES"];
const ABSENT: &[&str] = &["ENOENT", "ESRCH", "EACCES"];
const READ_ONLY: &[&str] = &["EROFS", "EACCES", "EPERM", "ENOENT"];
const UNREACHABLE: &[&str] = &[
    "ECONNREFUSED",
    "ENETUNREACH",
    "EHOSTUNREACH",
    "EACCES",
    "EPERM",
    "EINVAL",
    "ETIMEDOUT",
];

#[test]
fn a_function_has_no_privileges_and_does_not_see_the_host() {
    let harbour = Harbour::open();
    harbour.deploy(&Ship::new(), &[]);
    assert_eq!(
        attempt(&harbour, "write", "/tmp/own"),
        "done",
        "what is allowed works"
    );

    let secret = harbour.machine.data().join("auth/admin-password");
    let own = std::process::id().to_string();
    let seen_from_init = format!("/proc/1/root{}", secret.display());
    all_fail(
        &harbour,
        &[
            ("mount", "", PERMISSION),
            ("unmount", "", PERMISSION),
            ("ptrace", "", PERMISSION),
            ("device", "", PERMISSION),
            ("user_namespace", "", PERMISSION),
            ("network_namespace", "", PERMISSION),
            ("root", "", PERMISSION),
            ("chroot", "", PERMISSION),
            ("hostname", "", PERMISSION),
            ("raw_socket", "", PERMISSION),
            ("kill", &own, &["ESRCH"]),
            ("read", secret.to_str().unwrap(), ABSENT),
            ("read", &seen_from_init, ABSENT),
            ("read", "/etc/shadow", ABSENT),
            ("read", "/proc/kcore", ABSENT),
            ("read", "/dev/mem", ABSENT),
            ("write", "/proc/sys/kernel/core_pattern", READ_ONLY),
            ("write", "/proc/sysrq-trigger", READ_ONLY),
            ("write", "/sys/fs/cgroup/cgroup.procs", READ_ONLY),
            ("write", "/app/server.py", READ_ONLY),
            ("write", "/usr/bin/python3", READ_ONLY),
        ],
    );
    harbour.close();
}

#[test]
fn a_functions_processes_and_environment_are_its_own() {
    let harbour = Harbour::open();
    harbour.deploy(&Ship::new(), &[]);
    let processes = harbour.answer("/processes");
    let lines: Vec<&str> = processes
        .as_object()
        .unwrap()
        .values()
        .map(|line| line.as_str().unwrap())
        .collect();
    assert!(lines.len() <= 2, "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("server.py")), "{lines:?}");
    assert!(
        !processes
            .to_string()
            .contains(harbour.machine.data().to_str().unwrap()),
        "{processes}"
    );

    let environment = harbour.answer("/environment");
    let names: BTreeSet<&str> = environment
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    for name in [
        "CORACLE_DATA",
        "HOME_OF_HOST",
        "PIP_INDEX_URL",
        "NPM_CONFIG_REGISTRY",
        "CORACLE_DEBIAN_MIRROR",
    ] {
        assert!(!names.contains(name), "{name}: {environment}");
    }
    assert_ne!(environment["PATH"], "/nonexistent");
    harbour.close();
}

/// Answers an address of this host that others reach it by.
fn address_of_host() -> Ipv4Addr {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    // Sends nothing: it only makes the kernel choose.
    socket
        .connect("192.0.2.1:9")
        .expect("the test needs a host with a default route");
    match socket.local_addr().unwrap().ip() {
        std::net::IpAddr::V4(address) => address,
        std::net::IpAddr::V6(address) => panic!("{address}"),
    }
}

#[test]
fn a_function_reaches_neither_the_host_nor_metadata_addresses_nor_other_functions() {
    let harbour = Harbour::open();
    harbour.deploy(&Ship::new(), &[]);
    let service = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = service.local_addr().unwrap().port();
    let host = format!("{}:{port}", address_of_host());
    let own = format!("127.0.0.1:{port}");
    assert_eq!(
        attempt(&harbour, "connect", "127.0.0.1:8080"),
        "done",
        "it reaches itself"
    );

    harbour.deploy(&Ship::new().named("other"), &[]);
    let (_, addresses) = get(&format!("{}/function/other/addresses", harbour.server.url()));
    let other = format!("{}:8080", addresses[0].as_str().unwrap());
    let server = harbour.server.url().strip_prefix("http://").unwrap().to_owned();
    let mut attempts: Vec<(&str, &str, &[&str])> = vec![
        ("connect", &host, UNREACHABLE),
        ("connect", &own, UNREACHABLE),
        ("connect", &server, UNREACHABLE),
        ("connect", &other, UNREACHABLE),
    ];
    for metadata in [
        "169.254.169.254:80",
        "169.254.170.2:80",
        "[fe80::1]:80",
        "[fd00:ec2::254]:80",
    ] {
        attempts.push(("connect", metadata, UNREACHABLE));
    }
    all_fail(&harbour, &attempts);
    service.set_nonblocking(true).unwrap();
    assert_eq!(
        service.accept().unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock,
        "nobody came"
    );
    harbour.close();
}

#[test]
fn a_functions_limits_hold_and_it_serves_on() {
    let harbour = Harbour::open();
    harbour.deploy(&Ship::new(), &[]);
    let start = harbour.answer("/")["start"].clone();
    assert_eq!(attempt(&harbour, "processes", ""), "EAGAIN");
    assert_eq!(attempt(&harbour, "disk", ""), "ENOSPC");
    assert_eq!(harbour.answer("/")["start"], start, "those only cost it an error");

    assert_eq!(harbour.ask("/attempt/memory?").0, 502);
    assert_ne!(
        harbour.answer_at_last()["start"],
        start,
        "the next request starts another"
    );
    let events = harbour.succeed(&["describe", "ship"]);
    assert!(events.contains("memory"), "{events}");
    let keepers = Keepers::of(&harbour.machine);
    harbour.close();
    keepers.leave_nothing();
}
