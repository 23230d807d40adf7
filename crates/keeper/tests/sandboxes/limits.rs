//! What sandboxes may use: processes, space, processor time, network.

use coracle_sandbox::{Bind, Exit, Network, Upper};
use coracle_spec::ByteSize;

use crate::world::{World, line};

#[tokio::test]
async fn processes_are_limited_in_number() {
    let world = World::new();
    let (_, stdout, _) = world.run(world.spec(&["probe", "fork", "100"])).await;
    let (made, error) = stdout.trim().split_once(' ').unwrap();
    let made: u32 = made.parse().unwrap();
    assert!((20..32).contains(&made), "{made}");
    assert_eq!(error, libc_again());
    world.end().await;
}

fn libc_again() -> &'static str {
    "11"
}

#[tokio::test]
async fn the_root_file_system_takes_as_much_as_was_said() {
    let world = World::new();
    let mut spec = world.spec(&[
        "sh",
        "-c",
        "probe long 8000000 > /tmp/big || echo full; ls -l /tmp/big",
    ]);
    spec.upper = Upper::Tmpfs {
        size: ByteSize::mebibytes(2),
    };
    let (_, stdout, stderr) = world.run(spec).await;
    let size: u64 = stdout
        .split_whitespace()
        .nth(4)
        .unwrap_or_else(|| panic!("{stdout}{stderr}"))
        .parse()
        .unwrap();
    assert!(size <= 2 << 20, "{stdout}{stderr}");
    world.end().await;
}

#[tokio::test]
async fn a_program_learns_its_limits_and_cannot_change_them() {
    let world = World::new();
    let mut spec = world.spec(&[
        "sh",
        "-c",
        "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max \
         /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu.max; echo 1 > /sys/fs/cgroup/memory/cgroup.procs",
    ]);
    spec.limits.cpu = Some("0.5".parse().unwrap());
    let (exit, stdout, stderr) = world.run(spec).await;
    let learned: Vec<&str> = stdout.split_whitespace().collect();
    assert!(
        learned == ["67108864", "50000"] || learned == ["67108864", "50000", "100000"],
        "{stdout}{stderr}"
    );
    assert!(!exit.is_success());
    world.end().await;
}

#[tokio::test]
async fn processor_time_can_be_limited_later() {
    let world = World::new();
    let script =
        "echo ready; read x < /tmp/go; cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu.max";
    let directory = world.path().join("go");
    std::fs::create_dir(&directory).unwrap();
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        directory.join("go"),
        rustix::fs::Mode::from_raw_mode(0o666),
    )
    .unwrap();
    let mut spec = world.spec(&["sh", "-c", script]);
    spec.mounts = vec![Bind {
        source: directory.join("go"),
        target: "/tmp/go".into(),
        read_only: false,
    }];
    let (sandbox, mut lines) = world.start(spec).await;
    assert_eq!(line(&mut lines).await, "ready");
    sandbox.limit_cpu("250m".parse().unwrap()).await.unwrap();
    tokio::task::spawn_blocking(move || std::fs::write(directory.join("go"), "go\n"))
        .await
        .unwrap()
        .unwrap();
    assert!(line(&mut lines).await.starts_with("25000"));
    sandbox.remove().await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn the_network_is_the_one_that_was_asked_for() {
    let world = World::new();
    for (network, expected) in [(Network::None, false), (Network::Egress, true)] {
        let mut spec = world.spec(&["sh", "-c", "cat /proc/net/dev"]);
        spec.network = network;
        let (exit, links, _) = world.run(spec).await;
        assert_eq!(exit, Exit::Code(0));
        assert!(links.contains("lo:"), "{links}");
        assert_eq!(links.contains("eth0:"), expected, "{network:?}\n{links}");
    }
    world.end().await;
}
