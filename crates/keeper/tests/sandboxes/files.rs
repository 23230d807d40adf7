//! What the root file system is made of, what is placed and bound in it, and what stays of it.

use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};

use coracle_sandbox::{Bind, DISK_UPPER_ID_SHIFT, Exit, PlacedFile, Profile, Upper};

use crate::world::{World, root};

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
async fn directories_are_made_where_they_are_missing() {
    let world = World::new();
    let mut spec = world.spec(&[
        "sh",
        "-c",
        "stat -c '%a %u' /srv/data; echo x > /srv/data/file && cat /srv/data/file; cat /etc/motd > /dev/null",
    ]);
    spec.profile = Profile::Image;
    (spec.process.uid, spec.process.gid) = (0, 0);
    spec.directories = vec!["/srv/data".into(), "/etc".into()];
    let (exit, stdout, stderr) = world.run(spec).await;
    assert_eq!((exit, stdout.as_str()), (Exit::Code(0), "755 0\nx\n"), "{stderr}");
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
            owner: None,
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
    assert!(root().join("etc/motd").exists());
    world.end().await;
}
