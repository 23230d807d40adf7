//! What a sandbox does, in real ones through a real keeper.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "test code"
)]

#[path = "support/world.rs"]
mod world;

use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::time::Duration;

use coracle_sandbox::{Bind, DISK_UPPER_ID_SHIFT, Exit, Network, PlacedFile, Profile, Sandboxes as _, Upper};
use coracle_spec::{ByteSize, Class, Failure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use world::{PATIENCE, World, chain, line, text_of};

#[tokio::test]
async fn a_server_inside_is_dialed_and_answers() {
    let world = World::new();
    let (sandbox, mut lines) = world.start(world.spec(&["probe", "serve", "80"])).await;
    assert_eq!(line(&mut lines).await, "listening");
    let mut stream = sandbox.dial(80).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("hello"), "{answer}");

    let listening: Vec<_> = sandbox
        .listening()
        .await
        .unwrap()
        .iter()
        .map(|one| one.address.to_string())
        .collect();
    assert_eq!(listening, ["127.0.0.1:80"]);
    let error = sandbox.dial(8080).await.unwrap_err();
    assert_eq!(error.class(), Class::Unavailable);
    assert!(
        chain(&error).contains("nothing listens on port 8080"),
        "{}",
        chain(&error)
    );

    sandbox.remove().await.unwrap();
    assert!(sandbox.listening().await.is_err());
    world.end().await;
}

#[tokio::test]
async fn codes_signals_and_want_of_memory_are_told_apart() {
    let world = World::new();
    for (args, expected) in [
        (&["sh", "-c", "exit 0"][..], Exit::Code(0)),
        (&["sh", "-c", "echo out; echo err >&2; exit 7"], Exit::Code(7)),
        (&["sh", "-c", "kill -9 $$"], Exit::Signal(9)),
        (&["probe", "crash"], Exit::Signal(11)),
        (&["probe", "eat", "32"], Exit::Code(0)),
        (&["probe", "eat", "200"], Exit::OutOfMemory),
        (&["sh", "-c", "probe eat 200; exit $?"], Exit::OutOfMemory),
    ] {
        let (exit, stdout, stderr) = world.run(world.spec(args)).await;
        assert_eq!(exit, expected, "{args:?}: {stdout}{stderr}");
        if expected == Exit::Code(7) {
            assert_eq!((stdout.as_str(), stderr.as_str()), ("out\n", "err\n"));
        }
    }
    world.end().await;
}

#[tokio::test]
async fn a_program_that_cannot_be_executed_is_named_with_the_reason() {
    let world = World::new();
    for (program, reason) in [
        ("no-such-thing", "there is no program `no-such-thing`"),
        ("/bin/no-such-thing", "there is no program `/bin/no-such-thing`"),
        ("broken", "the interpreter or loader that `broken` names"),
        ("data", "`data` is not executable"),
        ("/etc", "`/etc` is not executable"),
    ] {
        let sandbox = world.create(world.spec(&[program])).await;
        let error = sandbox.start().await.unwrap_err();
        assert!(chain(&error).contains(reason), "{program}: {}", chain(&error));
        assert_eq!(error.class(), Class::User, "{program}");
        sandbox.remove().await.unwrap();
    }
    world.end().await;
}

#[tokio::test]
async fn what_cannot_be_created_says_why_and_leaves_nothing() {
    let world = World::new();
    let missing = world.path().join("missing");
    let mut spec = world.spec(&["sh"]);
    spec.lowers.push(missing.clone());
    let id = spec.id.clone();
    let error = world.client.create(spec).await.unwrap_err();
    assert!(
        chain(&error).contains(&format!("`{}`", missing.display())),
        "{}",
        chain(&error)
    );
    assert_eq!(error.class(), Class::NotFound);

    let mut spec = world.spec(&[]);
    spec.process.args.clear();
    assert_eq!(world.client.create(spec).await.unwrap_err().class(), Class::User);
    let mut spec = world.spec(&["sh"]);
    spec.process.uid = 65_536;
    assert_eq!(world.client.create(spec).await.unwrap_err().class(), Class::User);

    // The name is free again.
    let mut spec = world.spec(&["probe", "idle"]);
    spec.id = id;
    let sandbox = world.create(spec.clone()).await;
    let error = world.client.create(spec).await.unwrap_err();
    assert_eq!(error.class(), Class::Conflict);
    // The refusal of the second is not the end of the first.
    sandbox.start().await.unwrap();
    assert_eq!(sandbox.stop(PATIENCE).await.unwrap(), Exit::Signal(15));
    sandbox.remove().await.unwrap();
    world.end().await;
}

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
async fn a_line_of_any_length_stalls_nobody() {
    let world = World::new();
    let (exit, stdout, _) = world.run(world.spec(&["probe", "long", "3000000"])).await;
    assert_eq!((exit, stdout.len()), (Exit::Code(0), 3_000_000));
    world.end().await;
}

#[tokio::test]
async fn output_ends_when_the_program_does_even_if_its_children_stay() {
    let world = World::new();
    let (exit, stdout, _) = world
        .run(world.spec(&["sh", "-c", "sleep 1000 & echo left"]))
        .await;
    assert_eq!((exit, stdout.as_str()), (Exit::Code(0), "left\n"));
    world.end().await;
}

#[tokio::test]
async fn a_program_is_asked_to_end_and_then_killed() {
    let world = World::new();
    for (verb, expected) in [("obey", Exit::Code(3)), ("idle", Exit::Signal(15))] {
        let (sandbox, mut lines) = world.start(world.spec(&["probe", verb])).await;
        line(&mut lines).await;
        assert_eq!(sandbox.stop(PATIENCE).await.unwrap(), expected, "{verb}");
        sandbox.remove().await.unwrap();
    }
    let (sandbox, mut lines) = world.start(world.spec(&["probe", "defy"])).await;
    line(&mut lines).await;
    assert_eq!(
        sandbox.stop(Duration::from_millis(100)).await.unwrap(),
        Exit::Signal(9)
    );
    sandbox.remove().await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn a_frozen_sandbox_stands_still_goes_on_and_can_be_stopped() {
    let world = World::new();
    let (sandbox, mut lines) = world.start(world.spec(&["probe", "tick"])).await;
    line(&mut lines).await;
    sandbox.freeze().await.unwrap();
    // What was printed before is read until nothing comes any more.
    while tokio::time::timeout(Duration::from_millis(300), lines.next_line())
        .await
        .is_ok()
    {}
    sandbox.thaw().await.unwrap();
    line(&mut lines).await;
    sandbox.freeze().await.unwrap();
    assert_eq!(sandbox.stop(PATIENCE).await.unwrap(), Exit::Signal(15));
    sandbox.remove().await.unwrap();

    let (sandbox, mut lines) = world.start(world.spec(&["probe", "tick"])).await;
    line(&mut lines).await;
    sandbox.freeze().await.unwrap();
    sandbox.remove().await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn one_that_is_frozen_as_soon_as_it_is_there_can_be_ended() {
    let world = World::new();
    for _ in 0..10 {
        let sandbox = world.create(world.spec(&["probe", "idle"])).await;
        sandbox.freeze().await.unwrap();
        sandbox.remove().await.unwrap();
    }
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

#[tokio::test]
async fn orphans_are_reaped() {
    let world = World::new();
    let (exit, stdout, _) = world.run(world.spec(&["probe", "orphans"])).await;
    assert_eq!((exit, stdout.as_str()), (Exit::Code(0), "reaped\n"));
    world.end().await;
}

#[tokio::test]
async fn the_program_sees_its_environment_and_identity_and_nothing_else() {
    let world = World::new();
    let mut spec = world.spec(&["env"]);
    spec.process
        .env
        .insert("GREETING".to_owned(), "a = b\nc".to_owned());
    let (_, stdout, _) = world.run(spec).await;
    assert_eq!(stdout, "GREETING=a = b\nc\nPATH=/bin\n");

    let status = world
        .shell("cat /proc/self/status; id -u; id -g; id -G; cat /proc/sys/kernel/hostname; cat /proc/1/comm")
        .await;
    for expected in [
        "Uid:\t1000\t1000\t1000\t1000",
        "Groups:\t \n",
        "CapPrm:\t0000000000000000",
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
        "Seccomp_filters:\t2",
        "\n1000\n1000\n1000\nbox\ncoracle-init\n",
    ] {
        assert!(status.contains(expected), "{expected}: {status}");
    }
    let descriptors = world.shell("ls /proc/self/fd").await;
    // The last one is the directory that `ls` reads.
    assert_eq!(descriptors, "0\n1\n2\n3\n");
    world.end().await;
}

#[tokio::test]
async fn files_are_placed_for_the_programs_user_and_cannot_be_changed() {
    let world = World::new();
    let mut spec = world.spec(&[
        "sh",
        "-c",
        "cat /run/secrets/token /etc/motd; stat -c '%a %u' /run/secrets/token; echo x > /run/secrets/token",
    ]);
    for (path, contents) in [("/run/secrets/token", "hidden\n"), ("/etc/motd", "placed\n")] {
        spec.files.push(PlacedFile {
            path: path.into(),
            mode: 0o400,
            contents: contents.into(),
        });
    }
    let (exit, stdout, stderr) = world.run(spec).await;
    assert_eq!(stdout, "hidden\nplaced\n400 1000\n", "{stderr}");
    assert!(
        !exit.is_success() && stderr.contains("Read-only"),
        "{exit}: {stderr}"
    );
    world.end().await;
}

#[tokio::test]
async fn binds_keep_the_hosts_ids_and_their_mode() {
    let world = World::new();
    let (cache, input) = (world.path().join("cache"), world.path().join("input"));
    for directory in [&cache, &input] {
        std::fs::create_dir(directory).unwrap();
    }
    std::fs::write(input.join("file"), "given\n").unwrap();
    let mut spec = world.spec(&[
        "sh",
        "-c",
        "cat /in/file; stat -c %u /in/file; echo made > /var/cache/x/made; touch /in/no",
    ]);
    spec.profile = Profile::Build;
    (spec.process.uid, spec.process.gid) = (0, 0);
    spec.mounts = vec![
        Bind {
            source: cache.clone(),
            target: "/var/cache/x".into(),
            read_only: false,
        },
        Bind {
            source: input,
            target: "/in".into(),
            read_only: true,
        },
    ];
    let (_, stdout, stderr) = world.run(spec).await;
    assert_eq!(stdout, "given\n0\n", "{stderr}");
    assert!(stderr.contains("Read-only"), "{stderr}");
    let made = cache.join("made").metadata().unwrap();
    assert_eq!((made.uid(), made.gid()), (0, 0));
    world.end().await;
}

#[tokio::test]
async fn an_upper_on_disk_keeps_changes_with_shifted_ids_and_whiteouts() {
    let world = World::new();
    let directory = world.path().join("step");
    std::fs::create_dir(&directory).unwrap();
    let script = "rm /etc/motd; mkdir /opt /opt/app; echo x > /opt/app/file; chown 33:44 /opt/app/file; \
                  mkdir /etc/new; rm -r /tmp; mkdir /tmp; ln -s file /opt/app/link; mv /bin/data /bin/moved";
    let mut spec = world.spec(&["sh", "-ec", script]);
    spec.profile = Profile::Build;
    (spec.process.uid, spec.process.gid) = (0, 0);
    spec.upper = Upper::Disk {
        dir: directory.clone(),
    };
    let (exit, _, stderr) = world.run(spec).await;
    assert_eq!(exit, Exit::Code(0), "{stderr}");
    let upper = directory.join("upper");
    let owner = |path: &str| {
        let found = std::fs::symlink_metadata(upper.join(path)).unwrap();
        (
            found.uid() - DISK_UPPER_ID_SHIFT,
            found.gid() - DISK_UPPER_ID_SHIFT,
        )
    };
    assert_eq!(owner("opt/app/file"), (33, 44));
    assert_eq!(owner("opt/app/link"), (0, 0));
    assert_eq!(owner("bin/moved"), (0, 0));
    let whiteout = std::fs::symlink_metadata(upper.join("etc/motd")).unwrap();
    assert!(whiteout.file_type().is_char_device() && whiteout.rdev() == 0);
    assert_eq!(upper.metadata().unwrap().permissions().mode() & 0o7777, 0o755);
    assert!(world::root().join("etc/motd").exists());
    world.end().await;
}

#[tokio::test]
async fn the_working_directory_is_made_when_it_is_missing() {
    let world = World::new();
    let mut spec = world.spec(&["sh", "-c", "pwd"]);
    spec.process.cwd = "/srv/app".into();
    let (_, stdout, stderr) = world.run(spec).await;
    assert_eq!(stdout, "/srv/app\n", "{stderr}");
    world.end().await;
}

#[tokio::test]
async fn upper_trees_hide_lower_ones() {
    let world = World::new();
    let top = world.path().join("top");
    std::fs::create_dir_all(top.join("etc")).unwrap();
    std::fs::write(top.join("etc/motd"), "from above\n").unwrap();
    let mut spec = world.spec(&["cat", "/etc/motd"]);
    spec.lowers.push(top);
    let (_, stdout, _) = world.run(spec).await;
    assert_eq!(stdout, "from above\n");
    world.end().await;
}

#[tokio::test]
async fn one_that_was_never_started_waits_and_can_be_removed() {
    let world = World::new();
    let sandbox = world.create(world.spec(&["probe", "idle"])).await;
    let error = sandbox.signal(15).await.unwrap_err();
    assert_eq!(error.class(), Class::Conflict);
    assert!(sandbox.listening().await.unwrap().is_empty());
    sandbox.remove().await.unwrap();
    assert_eq!(sandbox.remove().await.unwrap_err().class(), Class::NotFound);
    world.end().await;
}

#[tokio::test]
async fn many_are_created_at_once() {
    let world = World::new();
    let runs = (0..20).map(|number| {
        let spec = world.spec(&["sh", "-c", &format!("echo {number}")]);
        world.run(spec)
    });
    let results = futures::future::join_all(runs).await;
    for (number, (exit, stdout, _)) in results.into_iter().enumerate() {
        assert_eq!((exit, stdout), (Exit::Code(0), format!("{number}\n")));
    }
    world.end().await;
}

#[tokio::test]
async fn output_is_taken_once() {
    let world = World::new();
    let sandbox = world.create(world.spec(&["sh", "-c", "echo once"])).await;
    let output = sandbox.output().unwrap();
    assert!(sandbox.output().is_none());
    sandbox.start().await.unwrap();
    assert_eq!(text_of(output.stdout).await, "once\n");
    assert!(sandbox.start().await.is_err());
    sandbox.remove().await.unwrap();
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
async fn a_worker_that_dies_while_it_waits_is_replaced() {
    let world = World::new();
    world.client.prepare().await.unwrap();
    let keeper = world.client.keeper_pid().unwrap();
    let children = std::fs::read_to_string(format!("/proc/{keeper}/task/{keeper}/children")).unwrap();
    for child in children.split_whitespace() {
        let name = std::fs::read_to_string(format!("/proc/{child}/comm")).unwrap();
        if name.trim() == "coracle-keeper" {
            let pid = rustix::process::Pid::from_raw(child.parse().unwrap()).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
            // A killed process takes a moment to be gone.
            let deadline = std::time::Instant::now() + PATIENCE;
            let stat = || std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            while !(stat().is_empty() || stat().contains(") Z ")) {
                assert!(std::time::Instant::now() < deadline);
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
    assert_eq!(world.shell("echo well").await, "well\n");
    world.end().await;
}
