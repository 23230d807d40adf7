//! Builds that fail, are given up, or lose their daemon.

use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use coracle_buildkit::SolveError;
use coracle_peers::Engine;
use coracle_spec::{Class, Failure as _};

use crate::world::{World, daemon, place};

/// Answers how many processes of builds there are that sleep this long.
fn sleepers(seconds: &str) -> usize {
    let processes = fs_err::read_dir("/proc").unwrap().flatten();
    let commands = processes.filter_map(|process| fs_err::read(process.path().join("cmdline")).ok());
    let wanted = format!("sleep\0{seconds}\0").into_bytes();
    commands.filter(|command| *command == wanted).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_command_is_shown_in_its_dockerfile_with_what_it_printed() {
    let world = World::new();
    let (_daemon, place) = daemon(world.root.path());
    world.write_shell();
    let solve = world.solve("FROM scratch\nCOPY shell /\nRUN echo look here; exit 3\nCMD [\"x\"]\n");
    let error = world.build(&place, &solve).await.unwrap_err();
    assert_eq!(error.class(), Class::User);
    assert!(error.to_string().contains("`Dockerfile`, line 3"), "{error}");
    assert!(
        error.to_string().contains("> 3 | RUN echo look here; exit 3"),
        "{error}"
    );
    assert!(
        error.source().unwrap().to_string().contains("exit code: 3"),
        "{error:?}"
    );
    assert_eq!(error.log().unwrap().to_string(), "look here\n");
    let broken = world.solve("FROM scratch\nCOPI a b\n");
    let error = world.build(&place, &broken).await.unwrap_err();
    assert!(error.to_string().contains("> 2 | COPI a b"), "{error}");
    let missing = world.solve("FROM scratch\nCOPY missing /\n");
    let error = world.build(&place, &missing).await.unwrap_err();
    assert!(error.to_string().contains("> 2 | COPY missing /"), "{error}");
    assert!(world.heard.all().iter().all(|said| !said.starts_with("built")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_not_there_is_named() {
    let world = World::new();
    let (_daemon, place) = daemon(world.root.path());
    let mut solve = world.solve("FROM scratch\n");
    solve.context = PathBuf::from("/nowhere");
    let error = world.build(&place, &solve).await.unwrap_err();
    assert!(
        matches!(&error, SolveError::NotAFolder(path) if path == Path::new("/nowhere")),
        "{error:?}"
    );
    let mut solve = world.solve("FROM scratch\n");
    solve.dockerfile = world.source().join("Dockerfile.missing");
    let error = world.build(&place, &solve).await.unwrap_err();
    assert!(
        error.source().unwrap().to_string().contains("Dockerfile.missing"),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_is_given_up_ends_at_the_daemon_too() {
    let world = World::new();
    let (daemon, place) = daemon(world.root.path());
    world.write_shell();
    let solve = world.solve("FROM scratch\nCOPY shell /\nRUN echo begun; exec sleep 7001\n");
    let building = world.build(&place, &solve);
    let giving_up = async {
        world.heard.until("line begun").await;
        world.cancel.cancel();
    };
    let (result, ()) = tokio::join!(building, giving_up);
    assert!(matches!(result, Err(SolveError::Cancelled)), "{result:?}");
    // The daemon ends what it runs before it ends itself; a command that went on would keep it.
    drop(daemon);
    assert_eq!(sleepers("7001"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_killed_amid_a_build_is_an_error_at_once() {
    let world = World::new();
    let (daemon, place) = daemon(world.root.path());
    world.write_shell();
    let solve = world.solve("FROM scratch\nCOPY shell /\nRUN echo begun; exec sleep 7002\n");
    let building = world.build(&place, &solve);
    let killing = async {
        world.heard.until("line begun").await;
        let id = daemon.process().to_string();
        Command::new("kill").args(["-KILL", &id]).status().unwrap();
    };
    let (result, ()) = tokio::join!(building, killing);
    let error = result.unwrap_err();
    assert_eq!(error.class(), Class::Unavailable, "{error:?}");
    assert!(error.hint().is_some());
    drop(daemon);
    assert_eq!(sleepers("7002"), 0);
    world.root.close().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_fails_in_a_docker_engine_leaves_no_image_there() {
    let world = World::new();
    let engine = Engine::start(world.root.path()).unwrap();
    let place = place(&format!("docker://{}", engine.socket().display()));
    world.write("a", "");
    let solve = world.solve("FROM scratch\nCOPY a /\nCOPY missing /\n");
    let error = world.build(&place, &solve).await.unwrap_err();
    assert_eq!(error.class(), Class::User, "{error:?}");
    assert!(
        error.source().unwrap().to_string().contains("/missing"),
        "{error:?}"
    );
    assert_eq!(engine.call(&["images", "--quiet"]).unwrap(), "");
}
