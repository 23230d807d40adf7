//! BuildKit by itself.

use coracle_build::{Reuse, SecretValue};
use coracle_buildkit::{Certificates, Place};
use coracle_oci::load_config;
use coracle_peers::buildkit::{BuildKit, Programs, Setup};
use coracle_spec::manifest::Platform;

use crate::ca::Authority;
use crate::world::{World, daemon, place};

#[tokio::test(flavor = "multi_thread")]
async fn a_context_is_built_into_the_store() {
    let world = World::new();
    let (_daemon, place) = daemon(world.root.path());
    world.write("app/main", "hello");
    world.write("app/secret.env", "hush");
    world.write(".dockerignore", "**/*.env\nbig\n");
    world.write("big/file", "never sent");
    let mut solve = world.solve("ARG V=1\nFROM scratch AS base\nARG V\nCOPY . /src/\nENV V=$V\nLABEL a=b\nFROM base AS other\nCMD [\"x\"]\n");
    solve.args.insert("V".to_owned(), "2".to_owned());
    solve.labels.insert("c".to_owned(), "d".to_owned());
    solve.target = Some("base".to_owned());
    let solved = world.build(&place, &solve).await.unwrap();
    let [image] = solved.images.as_slice() else {
        panic!("one image is made: {solved:?}")
    };
    assert_eq!(world.read(image, "src/app/main").as_deref(), Some("hello"));
    assert_eq!(world.read(image, "src/app/secret.env"), None);
    assert_eq!(world.read(image, "src/big/file"), None);
    let config = load_config(&world.store, image).unwrap();
    assert!(format!("{config:?}").contains("\"V\""), "{config:?}");
    let heard = world.heard.all();
    assert!(
        heard.iter().any(|said| said.contains("COPY . /src/")),
        "{heard:?}"
    );
    assert_eq!(heard.last().unwrap(), &format!("built {}", image.manifest));
    let again = world.build(&place, &solve).await.unwrap();
    assert_eq!(again.images, solved.images);
    assert!(
        again
            .steps
            .iter()
            .any(|step| step.cached && step.name.contains("COPY")),
        "{:?}",
        again.steps
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_run_with_their_secrets_and_results_are_used_again_unless_unwanted() {
    let world = World::new();
    let (_daemon, place) = daemon(world.root.path());
    world.write_shell();
    let mut solve = world.solve(
        "FROM scratch\nCOPY shell /\nRUN --mount=type=secret,id=token,required cat /run/secrets/token > /copy && cat /run/secrets/token\n",
    );
    let missing = world.build(&place, &solve).await.unwrap_err();
    assert!(
        std::error::Error::source(&missing)
            .unwrap()
            .to_string()
            .contains("token"),
        "{missing:?}"
    );
    solve.secrets.insert("token".to_owned(), SecretValue::new("hush"));
    let solved = world.build(&place, &solve).await.unwrap();
    assert_eq!(world.read(&solved.images[0], "copy").as_deref(), Some("hush"));
    assert!(world.heard.all().contains(&"line hush".to_owned()));
    solve.reuse = Reuse::Nothing;
    let anew = world.build(&place, &solve).await.unwrap();
    assert!(
        anew.steps
            .iter()
            .all(|step| !step.name.contains("RUN") || !step.cached),
        "{:?}",
        anew.steps
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn images_for_two_platforms_come_together() {
    let world = World::new();
    let (_daemon, place) = daemon(world.root.path());
    let mut solve = world.solve("FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /arch\n");
    world.write("amd64", "a");
    world.write("arm64", "b");
    solve.platforms = vec![Platform::LinuxAmd64, Platform::LinuxArm64];
    let solved = world.build(&place, &solve).await.unwrap();
    let arch = |index: usize| world.read(&solved.images[index], "arch").unwrap();
    assert_eq!(
        (solved.images.len(), arch(0).as_str(), arch(1).as_str()),
        (2, "a", "b")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_is_reached_by_who_has_a_certificate_and_by_nobody_else() {
    let world = World::new();
    let authority = Authority::new(world.root.path());
    let setup = Setup {
        tls: Some(authority.server()),
        ..Setup::default()
    };
    let programs = Programs::pinned().unwrap();
    let daemon = BuildKit::start_with(programs, world.root.path(), &setup).unwrap();
    let address = format!("tcp://{}", daemon.tls_address().unwrap());
    let with = |certificates: Option<Certificates>| Place {
        certificates,
        ..place(&address)
    };
    world.write("file", "hello");
    let solve = world.solve("FROM scratch\nCOPY file /\n");
    let own = Certificates {
        ca: Some(authority.ca()),
        own: Some(authority.client()),
    };
    world.build(&with(Some(own.clone())), &solve).await.unwrap();
    let nameless = Certificates {
        own: None,
        ..own.clone()
    };
    let trusting_others = Certificates {
        ca: None,
        ..own.clone()
    };
    let unusable = Certificates {
        ca: Some(world.source().join("file")),
        ..own
    };
    for wrong in [None, Some(nameless), Some(trusting_others), Some(unusable)] {
        let error = world.build(&with(wrong.clone()), &solve).await.unwrap_err();
        let text = format!("{error}");
        assert!(
            text.contains(&address) || text.contains("holds no certificate"),
            "{wrong:?}: {error:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn builds_at_once_do_not_mix() {
    let (one, other) = (World::new(), World::new());
    let (_daemon, place) = daemon(one.root.path());
    one.write("file", "one");
    other.write("file", "other");
    let dockerfile = "FROM scratch\nCOPY file /\n";
    let (first, second) = (one.solve(dockerfile), other.solve(dockerfile));
    let (first, second) = tokio::join!(one.build(&place, &first), other.build(&place, &second));
    assert_eq!(
        one.read(&first.unwrap().images[0], "file").as_deref(),
        Some("one")
    );
    assert_eq!(
        other.read(&second.unwrap().images[0], "file").as_deref(),
        Some("other")
    );
}
