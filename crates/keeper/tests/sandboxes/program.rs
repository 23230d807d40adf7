//! What a program is told and may know, what it prints, and how it ends.

use coracle_sandbox::{Exit, Profile, Sandboxes as _};
use coracle_spec::{Class, Failure as _};

use crate::world::{World, chain, text_of};

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
async fn the_working_directory_is_made_when_it_is_missing() {
    let world = World::new();
    let mut spec = world.spec(&["sh", "-c", "pwd"]);
    spec.process.cwd = "/srv/app".into();
    let (_, stdout, stderr) = world.run(spec).await;
    assert_eq!(stdout, "/srv/app\n", "{stderr}");
    world.end().await;
}

#[tokio::test]
async fn a_program_is_in_the_groups_that_were_said_and_in_no_others() {
    let world = World::new();
    for profile in [Profile::Run, Profile::Image] {
        let mut spec = world.spec(&["id", "-G"]);
        spec.profile = profile;
        spec.process.groups = vec![20, 4711];
        let (_, stdout, stderr) = world.run(spec).await;
        assert_eq!(stdout, "1000 20 4711\n", "{stderr}");
    }
    let mut spec = world.spec(&["id"]);
    spec.process.groups = vec![65_536];
    assert_eq!(world.client.create(spec).await.unwrap_err().class(), Class::User);
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
async fn orphans_are_reaped() {
    let world = World::new();
    let (exit, stdout, _) = world.run(world.spec(&["probe", "orphans"])).await;
    assert_eq!((exit, stdout.as_str()), (Exit::Code(0), "reaped\n"));
    world.end().await;
}
