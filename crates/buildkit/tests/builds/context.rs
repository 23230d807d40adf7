//! What of a folder arrives in the image.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use crate::world::{World, daemon};

#[tokio::test(flavor = "multi_thread")]
async fn files_of_every_kind_arrive_as_they_are() {
    let world = World::new();
    let (_daemon, place) = daemon(world.root.path());
    let source = world.source();
    world.write("d/run", "#!");
    world.write("d/ünï cödé", "name");
    world.write("d/empty/.keep", "");
    fs_err::write(source.join("d/large"), vec![7; 5 << 20]).unwrap();
    fs_err::set_permissions(source.join("d/run"), std::fs::Permissions::from_mode(0o4751)).unwrap();
    symlink("run", source.join("d/link")).unwrap();
    symlink("/nowhere", source.join("d/dangling")).unwrap();
    fs_err::hard_link(source.join("d/run"), source.join("d/same")).unwrap();
    let solve = world.solve("FROM scratch\nCOPY d /d\n");
    let solved = world.build(&place, &solve).await.unwrap();
    let layer = solved.images[0].layers.last().unwrap();
    let tree = coracle_oci::unpack(&world.store, layer).unwrap();
    let at = |name: &str| tree.path().join("d").join(name);
    assert_eq!(fs_err::metadata(at("run")).unwrap().mode() & 0o7777, 0o4751);
    assert_eq!(fs_err::read(at("large")).unwrap(), vec![7; 5 << 20]);
    assert_eq!(fs_err::read_to_string(at("ünï cödé")).unwrap(), "name");
    assert_eq!(
        fs_err::read_link(at("dangling")).unwrap().to_str(),
        Some("/nowhere")
    );
    assert_eq!(fs_err::read_link(at("link")).unwrap().to_str(), Some("run"));
    assert_eq!(
        fs_err::metadata(at("same")).unwrap().ino(),
        fs_err::metadata(at("run")).unwrap().ino()
    );
    assert_eq!(fs_err::metadata(at("run")).unwrap().uid(), 0);
    // Only what changed is asked for, and arrives.
    world.write("d/run", "#!/bin/sh");
    let again = world.build(&place, &solve).await.unwrap();
    assert_eq!(
        world.read(&again.images[0], "d/run").as_deref(),
        Some("#!/bin/sh")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dockerfile_may_be_elsewhere_and_have_patterns_of_its_own() {
    let world = World::new();
    let (_daemon, place) = daemon(world.root.path());
    world.write("kept", "1");
    world.write("left out", "2");
    let elsewhere = world.root.path().join("docker");
    fs_err::create_dir(&elsewhere).unwrap();
    fs_err::write(elsewhere.join("Prod"), "FROM scratch\nCOPY . /\n").unwrap();
    fs_err::write(elsewhere.join("Prod.dockerignore"), "*\n!kept\n").unwrap();
    let mut solve = world.solve("FROM nothing-that-exists\n");
    solve.dockerfile = elsewhere.join("Prod");
    let solved = world.build(&place, &solve).await.unwrap();
    assert_eq!(world.read(&solved.images[0], "kept").as_deref(), Some("1"));
    assert_eq!(world.read(&solved.images[0], "left out"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_no_text_is_named_instead_of_left_out() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let world = World::new();
    let (_daemon, place) = daemon(world.root.path());
    fs_err::write(world.source().join(OsStr::from_bytes(b"bad\xff")), "").unwrap();
    let solve = world.solve("FROM scratch\nCOPY . /\n");
    let error = world.build(&place, &solve).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("is not UTF-8"), "{cause}");
}
