//! What a sandbox must not be able to do, tried from inside.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "test code"
)]

#[path = "support/world.rs"]
mod world;

use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use coracle_sandbox::{Network, Profile};
use world::World;

const PERM: &[i32] = &[1];
/// Not visible: no such file or process.
const ABSENT: &[i32] = &[2, 3];
const NO_SYSTEM_CALL: &[i32] = &[38];
/// A name in `/proc` or `/sys` that is masked or read-only, for whoever may not see or change it.
const CLOSED: &[i32] = &[1, 2, 13, 30, 61];
const UNREACHABLE: &[i32] = &[101, 111, 113, 115, 110];

/// An attempt, its argument, and the errors that it may end with.
type Attempt = (&'static str, String, &'static [i32]);

fn attempts(host: &Host) -> Vec<Attempt> {
    let own = std::process::id().to_string();
    let plain = |name: &'static str, errors| (name, String::new(), errors);
    vec![
        plain("mount", PERM),
        plain("remount", PERM),
        plain("umount", PERM),
        plain("fsopen", PERM),
        plain("open_tree", PERM),
        plain("pivot_root", PERM),
        plain("unshare_user", PERM),
        plain("unshare_net", PERM),
        plain("clone_user", PERM),
        plain("clone_mount", PERM),
        plain("clone3", NO_SYSTEM_CALL),
        plain("io_uring", NO_SYSTEM_CALL),
        plain("setns", PERM),
        plain("ptrace_init", PERM),
        plain("init_memory", CLOSED),
        plain("init_environment", CLOSED),
        plain("init_root", CLOSED),
        ("ptrace_attach", own.clone(), &[1, 3]),
        ("kill_host", own.clone(), ABSENT),
        ("see_host", own, ABSENT),
        ("host_file", host.file.clone(), ABSENT),
        ("host_file", "/proc/1/root/root".to_owned(), CLOSED),
        ("host_file", "/run/coracle/state".to_owned(), ABSENT),
        plain("sysrq", CLOSED),
        plain("sysctl", CLOSED),
        plain("sysctl_net", CLOSED),
        plain("uevent", CLOSED),
        plain("oom_score", CLOSED),
        plain("kcore", CLOSED),
        plain("kmsg", CLOSED),
        plain("syslog", PERM),
        plain("packet_socket", PERM),
        plain("vsock", PERM),
        plain("alg_socket", PERM),
        plain("link_down", PERM),
        plain("keyctl", PERM),
        plain("add_key", PERM),
        plain("bpf", PERM),
        plain("perf", PERM),
        plain("userfaultfd", PERM),
        plain("open_by_handle", PERM),
        plain("module", PERM),
        plain("kexec", PERM),
        plain("reboot", PERM),
        plain("swapon", PERM),
        plain("acct", PERM),
        plain("settime", PERM),
        plain("hostname", PERM),
        plain("personality", PERM),
        plain("tiocsti", PERM),
        plain("memory_device", CLOSED),
        plain("disk_device", CLOSED),
        ("root_device", "sda".to_owned(), ABSENT),
        ("root_device", "vda".to_owned(), ABSENT),
        ("root_device", "mem".to_owned(), ABSENT),
        plain("cgroup", CLOSED),
        ("connect", format!("127.0.0.1:{}", host.port), UNREACHABLE),
        ("connect", "169.254.169.254:80".to_owned(), UNREACHABLE),
        ("abstract_socket", host.abstract_name.clone(), UNREACHABLE),
    ]
}

/// What an ordinary user may not do, and root over a sandbox's own users may.
const ONLY_RUN: &[(&str, &[i32])] = &[
    ("chroot", PERM),
    ("raw_socket", PERM),
    ("setuid_root", PERM),
    ("setgroups", PERM),
];

/// Services and files of the host that a sandbox must not reach.
struct Host {
    file: String,
    port: u16,
    abstract_name: String,
    _tcp: TcpListener,
    _unix: UnixListener,
}

impl Host {
    fn new(world: &World) -> Self {
        let file = world.path().join("host-only");
        std::fs::write(&file, "host").unwrap();
        let tcp = TcpListener::bind("0.0.0.0:0").unwrap();
        let abstract_name = format!(
            "coracle-test-{}-{}",
            std::process::id(),
            tcp.local_addr().unwrap().port()
        );
        let address = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        Self {
            file: file.to_str().unwrap().to_owned(),
            port: tcp.local_addr().unwrap().port(),
            abstract_name,
            _unix: UnixListener::bind_addr(&address).unwrap(),
            _tcp: tcp,
        }
    }
}

/// Runs all attempts in one sandbox, and answers those that did not fail as they must.
async fn escapes(world: &World, profile: Profile, network: Network, attempts: &[Attempt]) -> Vec<String> {
    let lines: Vec<String> = attempts
        .iter()
        .map(|(name, argument, _)| format!("probe attempt {name} '{argument}'"))
        .collect();
    let mut spec = world.spec(&["sh", "-c", &format!("probe attempt legal\n{}", lines.join("\n"))]);
    spec.profile = profile;
    spec.network = network;
    if profile != Profile::Run {
        (spec.process.uid, spec.process.gid) = (0, 0);
    }
    let (_, stdout, stderr) = world.run(spec).await;
    let (first, outcomes) = stdout.split_once('\n').unwrap();
    assert_eq!(first, "done", "what is allowed works: {stdout}{stderr}");
    let outcomes: Vec<&str> = outcomes.lines().collect();
    assert_eq!(outcomes.len(), attempts.len(), "{stdout}{stderr}");
    let wrong = |(attempt, outcome): (&Attempt, &str)| {
        let expected = outcome.parse().is_ok_and(|errno: i32| attempt.2.contains(&errno));
        (!expected).then(|| format!("{profile:?}: {} {}: {outcome}", attempt.0, attempt.1))
    };
    attempts.iter().zip(outcomes).filter_map(wrong).collect()
}

#[tokio::test]
async fn no_profile_reaches_the_host() {
    let world = World::new();
    let host = Host::new(&world);
    let mut found = Vec::new();
    for profile in [Profile::Run, Profile::Image, Profile::Build] {
        found.extend(escapes(&world, profile, Network::None, &attempts(&host)).await);
    }
    assert!(found.is_empty(), "{found:#?}");
    world.end().await;
}

#[tokio::test]
async fn an_application_has_no_privileges_even_over_its_own_sandbox() {
    let world = World::new();
    let attempts: Vec<Attempt> = ONLY_RUN
        .iter()
        .map(|(name, errors)| (*name, String::new(), *errors))
        .collect();
    let found = escapes(&world, Profile::Run, Network::None, &attempts).await;
    assert!(found.is_empty(), "{found:#?}");
    world.end().await;
}

#[tokio::test]
async fn a_way_out_leads_neither_to_the_host_nor_to_other_sandboxes() {
    let world = World::new();
    let host = Host::new(&world);
    let mut server = world.spec(&["sh", "-c", "cat /proc/net/fib_trie; exec probe serve 8080"]);
    server.network = Network::Egress;
    let (sandbox, mut lines) = world.start(server).await;
    let mut other = None;
    let mut last = String::new();
    loop {
        let line = world::line(&mut lines).await;
        if line == "listening" {
            break;
        }
        if line.contains("/32 host LOCAL") && !last.contains("127.") {
            other = last.trim().strip_prefix("|-- ").map(str::to_owned);
        }
        last = line;
    }
    let other = other.expect("a sandbox with a way out has an address");
    let addresses = host_addresses();
    assert!(
        !addresses.is_empty(),
        "the test needs a host with an address besides its loopback"
    );
    let mut attempts: Vec<Attempt> = addresses
        .iter()
        .map(|address| ("connect", format!("{address}:{}", host.port), UNREACHABLE))
        .collect();
    attempts.push(("connect", format!("{other}:8080"), UNREACHABLE));
    attempts.push(("connect", "169.254.169.254:80".to_owned(), UNREACHABLE));
    let found = escapes(&world, Profile::Run, Network::Egress, &attempts).await;
    assert!(found.is_empty(), "{found:#?}");
    sandbox.remove().await.unwrap();
    world.end().await;
}

/// The IPv4 addresses of the host's links, from the routing table of local addresses.
fn host_addresses() -> Vec<String> {
    let table = std::fs::read_to_string("/proc/net/fib_trie").unwrap();
    let mut last = "";
    let mut found = std::collections::BTreeSet::new();
    for line in table.lines() {
        if line.contains("/32 host LOCAL") && !last.contains(" 127.") {
            found.extend(last.trim().strip_prefix("|-- ").map(str::to_owned));
        }
        last = line;
    }
    found.into_iter().collect()
}
